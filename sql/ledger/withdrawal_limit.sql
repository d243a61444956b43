-- What a participant may withdraw of an asset in 24 hours: its own limit, or else the asset's; null
-- when there is none. Reads only.
create or replace function ledger.withdrawal_limit(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int
) returns numeric
language sql stable
as $$
  select l.day_amount
  from ledger.withdrawal_limits as l
  where l.segment_id = p_segment_id
    and l.asset_id = p_asset_id
    and (l.participant_id = p_participant_id or l.participant_id is null)
  order by l.participant_id nulls last
  limit 1
$$;
comment on function ledger.withdrawal_limit is
  'what a participant may withdraw of an asset in 24 hours; null: no limit';
