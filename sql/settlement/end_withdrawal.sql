-- Ends the withdrawal of an outside leg: CONFIRMED posts it, VOIDED gives it back. The caller has
-- the leg locked, and it had not ended. Writes: ledger.withdrawals, transfers, accounts, journals.
-- Locks: the withdrawal, the accounts, segment_state.
create or replace function settlement.end_withdrawal(
  p_leg settlement.outside_legs,
  p_status text,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals :=
    ledger.lock_withdrawal(p_leg.segment_id, p_leg.withdrawal_id, p_by);
begin
  if p_status = 'CONFIRMED' then
    perform ledger.post_withdrawal(v_withdrawal, v_withdrawal.approved_by, p_now);
  else
    perform ledger.give_back(v_withdrawal, p_by, coalesce(left(p_reason, 500), 'voided'), p_now);
  end if;
end;
$$;
comment on function settlement.end_withdrawal is
  'posts the withdrawal of an outside leg, or gives it back';
