-- Approves a withdrawal: the amount leaves for the world outside, once [LED-020]. Takes who
-- approves, which may not be who asked [LED-022]. The same approval again answers as the first
-- time.
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
  v_external_id int := reference.external_id();
  v_journal_id bigint;
begin
  if v_withdrawal.status = 'POSTED' and lower(v_withdrawal.decided_by) = lower(p_by) then
    return v_withdrawal;
  elsif v_withdrawal.status <> 'PENDING' then
    raise exception 'withdrawal % is %', p_withdrawal_id, v_withdrawal.status
      using errcode = 'STWDR', hint = 'ALREADY_DECIDED';
  elsif lower(v_withdrawal.requested_by) = lower(p_by) then
    raise exception 'who asked for a withdrawal may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  end if;

  v_journal_id := nextval('ledger.journal_ids');
  insert into ledger.transfers
  values (
    p_segment_id, v_journal_id, 1, 'WITHDRAWAL', v_withdrawal.asset_id,
    v_withdrawal.participant_id, v_external_id, v_withdrawal.amount, null, p_now
  );
  update ledger.withdrawals as w
  set status = 'POSTED',
    decided_by = p_by,
    decided_at = p_now,
    journal_id = v_journal_id
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, -v_withdrawal.amount,
      -v_withdrawal.amount, 0, 0),
    row(v_external_id, v_withdrawal.asset_id, v_withdrawal.amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account cannot pay what was held for it' using errcode = 'NVACC';
  end if;
  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'WITHDRAWAL', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_journal_id, p_now)
  );
  return v_withdrawal;
end;
$$;
comment on function ledger.approve_withdrawal is
  'pays out a withdrawal that another person asked for, once';
