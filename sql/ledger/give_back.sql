-- Ends a withdrawal without paying it: what was held for it is available again [LED-020]. Takes its
-- row, which the caller has locked and found PENDING, who says so and why. Returns it as it is
-- then. Writes: ledger.withdrawals, accounts. Locks: the account. Raises: NVACC.
create or replace function ledger.give_back(
  p_withdrawal ledger.withdrawals,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals;
begin
  update ledger.withdrawals as w
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where w.segment_id = p_withdrawal.segment_id
    and w.withdrawal_id = p_withdrawal.withdrawal_id
    and w.status = 'PENDING'
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(v_withdrawal.segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, 0, -v_withdrawal.amount, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
  end if;
  return v_withdrawal;
end;
$$;
comment on function ledger.give_back is 'ends a withdrawal and gives back what was held for it';
