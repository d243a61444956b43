-- Locks the accounts that undoing an instruction may move: of both its sides and of the house, in
-- one ordered pass, since they are moved in several steps. Locks: see ledger.lock_accounts.
create or replace function clearing.lock_parties(
  p_segment_id int,
  p_part settlement.part
) returns void
language plpgsql volatile
as $$
declare
  v_participant_ids int[];
  v_asset_ids int[];
begin
  select array_agg(x.participant_id), array_agg(x.asset_id)
  into v_participant_ids, v_asset_ids
  from (
    select distinct p.participant_id, a.asset_id
    from unnest(array[p_part.buyer_id, p_part.seller_id, reference.house_id()])
      as p (participant_id)
    cross join unnest(array[p_part.base_asset_id, p_part.quote_asset_id]) as a (asset_id)
    where (p.participant_id, a.asset_id) <> (reference.house_id(), p_part.base_asset_id)
  ) as x;
  perform ledger.lock_accounts(p_segment_id, v_participant_ids, v_asset_ids);
end;
$$;
comment on function clearing.lock_parties is
  'locks the accounts that undoing an instruction may move';
