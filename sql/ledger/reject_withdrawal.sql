-- Rejects a withdrawal: what was held for it is available again, once [LED-020]. Takes who rejects
-- (who asked may take it back) and why. The same rejection again answers as the first time.
-- Writes: ledger.withdrawals, accounts. Locks: the withdrawal, the account.
-- Raises: NFWDR, IVOPR, IVRSN (no reason), STWDR (it is decided already).
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
  elsif v_withdrawal.status <> 'PENDING' then
    raise exception 'withdrawal % is %', p_withdrawal_id, v_withdrawal.status
      using errcode = 'STWDR', hint = 'ALREADY_DECIDED';
  end if;

  update ledger.withdrawals as w
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, 0, -v_withdrawal.amount, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
  end if;
  return v_withdrawal;
end;
$$;
comment on function ledger.reject_withdrawal is 'gives back what was held for a withdrawal, once';
