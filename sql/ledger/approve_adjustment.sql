-- Approves an adjustment: the second of two who did not ask for it posts it [LED-034]. It moves the
-- balances of now, and those as of any time since when it counts, as they are known from now on.
-- Returns it as it is then. Writes: ledger.adjustments, transfers, accounts, journals.
-- Locks: the adjustment, the two accounts, segment_state.
-- Raises: NFADJ, STADJ, IVOPR, RJSLF (who asked, or approved), RJFND (less is available than it
-- takes), STPER (the period that it counts in was closed meanwhile).
create or replace function ledger.approve_adjustment(
  p_segment_id int,
  p_adjustment_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_adjustment ledger.adjustments :=
    ledger.lock_adjustment(p_segment_id, p_adjustment_id, p_by);
  v_journal_id bigint;
begin
  if lower(p_by) in (lower(v_adjustment.requested_by), lower(v_adjustment.approved_by)) then
    raise exception 'who asked for an adjustment, or approved it, may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  elsif v_adjustment.approved_by is null then
    update ledger.adjustments as a
    set approved_by = p_by,
      approved_at = p_now
    where a.segment_id = p_segment_id
      and a.adjustment_id = p_adjustment_id
    returning a.* into strict v_adjustment;
    return v_adjustment;
  end if;

  v_journal_id := nextval('ledger.journal_ids');
  insert into ledger.transfers
  values (
    p_segment_id, v_journal_id, 1, 'ADJUSTMENT', v_adjustment.asset_id, v_adjustment.from_id,
    v_adjustment.to_id, v_adjustment.amount, null, p_now
  );
  update ledger.adjustments as a
  set status = 'POSTED',
    decided_by = p_by,
    decided_at = p_now,
    journal_id = v_journal_id
  where a.segment_id = p_segment_id
    and a.adjustment_id = p_adjustment_id
  returning a.* into strict v_adjustment;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_adjustment.from_id, v_adjustment.asset_id, -v_adjustment.amount, 0, 0, 0),
    row(v_adjustment.to_id, v_adjustment.asset_id, v_adjustment.amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'less than % is available', v_adjustment.amount
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS', column = 'amount';
  end if;
  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'ADJUSTMENT', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_journal_id, p_now), v_adjustment.effective_at
  );
  return v_adjustment;
end;
$$;
comment on function ledger.approve_adjustment is
  'approves an adjustment; the second of two who did not ask for it posts it';
