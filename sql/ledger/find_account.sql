-- The account of a participant in an asset; no row where it does not stand. Reads without a lock.
-- Each look-up of an account goes by this order: while an old transaction keeps what is gone, the
-- key leads to every earlier version of the row, and the newest is first [LED-005]. Who calls it
-- often switches off plans that read them all and sort: enable_bitmapscan, enable_sort.
create or replace function ledger.find_account(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int
) returns setof ledger.accounts
language sql stable
rows 1
as $$
  select a.*
  from ledger.accounts as a
  where a.segment_id = p_segment_id
    and a.participant_id = p_participant_id
    and a.asset_id = p_asset_id
  order by a.version_no desc
  limit 1
$$;
comment on function ledger.find_account is 'the account of a participant in an asset';
