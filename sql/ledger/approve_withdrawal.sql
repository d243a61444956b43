-- Approves a withdrawal: the amount leaves for the world outside, once [LED-020]. Takes who
-- approves, which may not be who asked [LED-022]. The same approval again answers as the first
-- time, also when the amount leaves through an outside leg.
-- Writes: ledger.withdrawals, transfers, accounts, journals. Locks: the withdrawal, the two
-- accounts, segment_state. Raises: NFWDR, IVOPR, RJSLF (who asked), STWDR (it is decided already).
create or replace function ledger.approve_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
begin
  if v_withdrawal.status = 'POSTED' and lower(v_withdrawal.decided_by) = lower(p_by)
    or v_withdrawal.status = 'PENDING' and lower(v_withdrawal.approved_by) = lower(p_by)
  then
    return v_withdrawal;
  end if;
  perform ledger.refuse_approval(v_withdrawal, p_by);
  return ledger.post_withdrawal(v_withdrawal, p_by, p_now);
end;
$$;
comment on function ledger.approve_withdrawal is
  'pays out a withdrawal that another person asked for, once';
