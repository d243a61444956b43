-- Which accounts cannot pay what these parts take from them, and how much is missing, in the asset:
-- what is given and not held for it, less what comes, over what is available. Reads only.
create or replace function clearing.gaps_of(
  p_segment_id int,
  p_parts settlement.part[]
) returns table (
  participant_id int,
  asset_id int,
  gap numeric
)
language sql stable
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select c.participant_id, c.asset_id, -g.available
  from unnest(settlement.part_changes(p_parts)) as c
  left join lateral ledger.find_account(p_segment_id, c.participant_id, c.asset_id) as a
    on true
  cross join lateral (
    select coalesce(a.posted - a.held, 0) + c.posted - c.held as available
  ) as g
  where g.available < 0
    and not coalesce(a.may_be_negative, false)
  order by c.participant_id, c.asset_id
$$;
comment on function clearing.gaps_of is 'which accounts cannot pay these parts, and how much';
