-- Posts a withdrawal: its hold ends and its amount leaves for the world outside [LED-020]. Takes
-- its row, which the caller has locked and found PENDING, and who approved it. Returns it as it is
-- then. Writes: ledger.withdrawals, transfers, accounts, journals. Locks: the two accounts,
-- segment_state. Raises: NVACC when the account does not hold what was held for it.
create or replace function ledger.post_withdrawal(
  p_withdrawal ledger.withdrawals,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals;
  v_segment_id int := p_withdrawal.segment_id;
  v_external_id int := reference.external_id();
  v_journal_id bigint := nextval('ledger.journal_ids');
begin
  insert into ledger.transfers
  values (
    v_segment_id, v_journal_id, 1, 'WITHDRAWAL', p_withdrawal.asset_id,
    p_withdrawal.participant_id, v_external_id, p_withdrawal.amount, null, p_now
  );
  update ledger.withdrawals as w
  set status = 'POSTED',
    decided_by = p_by,
    decided_at = p_now,
    journal_id = v_journal_id
  where w.segment_id = v_segment_id
    and w.withdrawal_id = p_withdrawal.withdrawal_id
    and w.status = 'PENDING'
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(v_segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, -v_withdrawal.amount,
      -v_withdrawal.amount, 0, 0),
    row(v_external_id, v_withdrawal.asset_id, v_withdrawal.amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account cannot pay what was held for it' using errcode = 'NVACC';
  end if;
  perform ledger.post_journal(
    v_segment_id, v_journal_id, 'WITHDRAWAL', p_now, '{}',
    ledger.posted_lines(v_segment_id, v_journal_id, p_now)
  );
  return v_withdrawal;
end;
$$;
comment on function ledger.post_withdrawal is 'posts a withdrawal that is approved, once';
