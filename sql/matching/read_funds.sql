-- What parties of a batch have available, base and quote of the symbol, 0 where there is no
-- account. Each is read once a batch: takes what was read so far, and adds who is missing there. So
-- a batch is decided by one reading of each, which the command log keeps [MAT-091]; the accounts
-- are changed at its end, and say whether it still holds. Reads without a lock, in a snapshot of
-- its own.
create or replace function matching.read_funds(
  p_symbol reference.symbols,
  p_party_ids int[],
  p_known matching.funds
) returns matching.funds
language plpgsql volatile
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
declare
  v_funds matching.funds;
begin
  if p_party_ids <@ p_known.party_ids then
    return p_known;
  end if;
  v_funds.party_ids := case when p_known.party_ids is null then p_party_ids
    else array(select unnest(p_party_ids) except select unnest(p_known.party_ids)) end;

  select
    array_agg(coalesce(b.posted - b.held, 0) order by p.n),
    array_agg(coalesce(q.posted - q.held, 0) order by p.n)
  into v_funds.base, v_funds.quote
  from reference.ids(p_symbol.segment_id, v_funds.party_ids::bigint[]) as p
  left join lateral ledger.find_account(
    p.segment_id, p.id::int, p_symbol.base_asset_id
  ) as b
    on true
  left join lateral ledger.find_account(
    p.segment_id, p.id::int, p_symbol.quote_asset_id
  ) as q
    on true;

  if p_known.party_ids is not null then
    v_funds.party_ids := p_known.party_ids || v_funds.party_ids;
    v_funds.base := p_known.base || v_funds.base;
    v_funds.quote := p_known.quote || v_funds.quote;
  end if;
  return v_funds;
end;
$$;
comment on function matching.read_funds is 'what parties of a batch have available';
