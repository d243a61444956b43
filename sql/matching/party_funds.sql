-- What the parties of a part of a batch have available, in the order of their numbers: what was
-- read, with changes that this transaction has not made yet. Reads nothing.
create or replace function matching.party_funds(
  p_symbol reference.symbols,
  p_party_ids int[],
  p_funds matching.funds,
  p_changes ledger.account_change[]
) returns matching.funds
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_funds matching.funds;
begin
  if p_changes is null and p_party_ids = p_funds.party_ids then
    return p_funds;
  end if;

  select
    array_agg(p.id order by p.n), array_agg(f.base - coalesce(b.held, 0) order by p.n),
    array_agg(f.quote - coalesce(q.held, 0) order by p.n)
  into v_funds
  from unnest(p_party_ids) with ordinality as p (id, n)
  join unnest(p_funds.party_ids, p_funds.base, p_funds.quote) as f (id, base, quote)
    on f.id = p.id
  left join unnest(p_changes) as b
    on b.participant_id = p.id
    and b.asset_id = p_symbol.base_asset_id
  left join unnest(p_changes) as q
    on q.participant_id = p.id
    and q.asset_id = p_symbol.quote_asset_id;
  return v_funds;
end;
$$;
comment on function matching.party_funds is
  'what the parties of a part of a batch have available';
