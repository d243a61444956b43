-- Changes as rows of a segment, in the order in which accounts are locked; for a look-up by the
-- whole key, as reference.ids says. Reads nothing.
create or replace function ledger.account_changes(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns table (
  segment_id int,
  participant_id int,
  asset_id int,
  posted numeric,
  held numeric,
  unsettled_in numeric,
  unsettled_out numeric
)
language sql volatile
rows 1
as $$
  select
    p_segment_id, c.participant_id, c.asset_id, c.posted, c.held, c.unsettled_in, c.unsettled_out
  from unnest(p_changes) as c
  order by c.participant_id, c.asset_id
$$;
comment on function ledger.account_changes is 'changes as rows of a segment, in lock order';
