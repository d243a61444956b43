-- Locks, in their one order, the accounts that any outcome of a batch could change: base and quote
-- of its parties and of everyone with an order in the book. That is more than the batch will need,
-- and so for one that has to be computed again only; what is read next stays true.
-- Locks: ledger.accounts, by (participant, asset), to the end of the transaction.
create or replace function matching.lock_funds(
  p_symbol reference.symbols,
  p_party_ids int[]
) returns void
language plpgsql volatile
as $$
begin
  perform
  from ledger.accounts as a
  where a.segment_id = p_symbol.segment_id
    and a.asset_id in (p_symbol.base_asset_id, p_symbol.quote_asset_id)
    and (
      a.participant_id = any (p_party_ids)
      or a.participant_id in (
        select b.participant_id
        from matching.book as b
        where b.segment_id = p_symbol.segment_id
          and b.symbol_id = p_symbol.symbol_id
      )
    )
  order by a.participant_id, a.asset_id
  for no key update;
end;
$$;
comment on function matching.lock_funds is
  'locks the accounts that any outcome of a batch could change';
