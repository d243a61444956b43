-- Opens the accounts that do not stand yet, with nothing on them.
-- Takes participant and asset ids in pairs. Writes ledger.accounts, in key order, so that two
-- callers cannot wait for each other in a ring.
create or replace function ledger.open_accounts(
  p_segment_id int,
  p_participant_ids int[],
  p_asset_ids int[]
) returns void
language sql volatile
as $$
  insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
  select p_segment_id, n.participant_id, n.asset_id, p.kind = 'EXTERNAL'
  from unnest(p_participant_ids, p_asset_ids) as n (participant_id, asset_id)
  join reference.participants as p
    on p.participant_id = n.participant_id
  where not exists (
    select from ledger.accounts as a
    where a.segment_id = p_segment_id
      and a.participant_id = n.participant_id
      and a.asset_id = n.asset_id
  )
  order by n.participant_id, n.asset_id
  on conflict do nothing
$$;
comment on function ledger.open_accounts is 'opens the accounts of (participant, asset) pairs that are missing';
