-- What of an asset counts against a participant's limit of 24 hours [LED-021]: all that is pending,
-- however old, and what was posted in the last 24 hours. So no 24 hours ever post more than the
-- limit, in whichever order requests and approvals come. Reads only.
create or replace function ledger.withdrawn_amount(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_now timestamptz
) returns numeric
language sql stable
as $$
  select coalesce(sum(w.amount), 0)
  from ledger.withdrawals as w
  where w.segment_id = p_segment_id
    and w.participant_id = p_participant_id
    and w.asset_id = p_asset_id
    and (
      w.status = 'PENDING'
      or (w.status = 'POSTED' and w.decided_at > p_now - interval '24 hours')
    )
$$;
comment on function ledger.withdrawn_amount is
  'what counts against a participant''s limit of 24 hours: pending, and posted in them';
