-- Rejects a withdrawal: what was held for it is available again, once [LED-020]. Takes who rejects
-- (who asked may take it back) and why. The same rejection again answers as the first time. One
-- that is on its way outside is not rejected: its leg is confirmed or voided.
-- Writes: ledger.withdrawals, accounts. Locks: the withdrawal, the account.
-- Raises: NFWDR, IVOPR, IVRSN (no reason), STWDR (it is decided, or approved, already).
create or replace function ledger.reject_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
begin
  perform ledger.refuse_reason(p_reason);
  if v_withdrawal.status = 'REJECTED' and lower(v_withdrawal.decided_by) = lower(p_by) then
    return v_withdrawal;
  end if;
  perform ledger.refuse_decided(v_withdrawal);
  return ledger.give_back(v_withdrawal, p_by, p_reason, p_now);
end;
$$;
comment on function ledger.reject_withdrawal is 'gives back what was held for a withdrawal, once';
