-- Locks, in their one order, the accounts that any outcome of a batch could change: base and quote
-- of its parties and of everyone with an order in the book. That is more than the batch will need,
-- and so for one that has to be computed again only; what is read next stays true.
-- Those that do not stand yet are opened before.
-- Locks: advisory (5, segment); ledger.accounts, by (participant, asset), to the end of the
-- transaction.
create or replace function matching.lock_funds(
  p_symbol reference.symbols,
  p_party_ids int[]
) returns void
language plpgsql volatile
as $$
declare
  v_party_ids int[] := array(
    select unnest(p_party_ids)
    union
    select b.participant_id
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
  );
begin
  perform ledger.open_accounts(p_symbol.segment_id, array(
    select row(p.id, s.asset_id, 0, 0, 0, 0)::ledger.account_change
    from unnest(v_party_ids) as p (id)
    cross join (
      values (p_symbol.base_asset_id), (p_symbol.quote_asset_id)
    ) as s (asset_id)
  ));

  perform
  from ledger.accounts as a
  where a.segment_id = p_symbol.segment_id
    and a.asset_id in (p_symbol.base_asset_id, p_symbol.quote_asset_id)
    and a.participant_id = any (v_party_ids)
  order by a.participant_id, a.asset_id
  for no key update;
end;
$$;
comment on function matching.lock_funds is
  'locks the accounts that any outcome of a batch could change';
