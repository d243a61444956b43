-- What the parties of a batch have available, in the order of their numbers: base and quote of the
-- symbol, 0 where there is no account; with changes that this transaction has not made yet. Reads
-- without a lock, in a snapshot of its own.
create or replace function matching.read_funds(
  p_symbol reference.symbols,
  p_party_ids int[],
  p_changes ledger.account_change[],
  out base numeric[],
  out quote numeric[]
)
language plpgsql volatile
as $$
begin
  select
    array_agg(coalesce(b.posted - b.held, 0) order by p.n),
    array_agg(coalesce(q.posted - q.held, 0) order by p.n)
  into base, quote
  from reference.ids(p_symbol.segment_id, p_party_ids::bigint[]) as p
  left join ledger.accounts as b
    on b.segment_id = p.segment_id
    and b.participant_id = p.id
    and b.asset_id = p_symbol.base_asset_id
  left join ledger.accounts as q
    on q.segment_id = p.segment_id
    and q.participant_id = p.id
    and q.asset_id = p_symbol.quote_asset_id;

  if p_changes is not null then
    select
      array_agg(b.amount - coalesce((
        select sum(c.held) from unnest(p_changes) as c
        where c.participant_id = p.id and c.asset_id = p_symbol.base_asset_id
      ), 0) order by p.n),
      array_agg(b.other - coalesce((
        select sum(c.held) from unnest(p_changes) as c
        where c.participant_id = p.id and c.asset_id = p_symbol.quote_asset_id
      ), 0) order by p.n)
    into base, quote
    from unnest(p_party_ids) with ordinality as p (id, n)
    join unnest(base, quote) with ordinality as b (amount, other, n)
      on b.n = p.n;
  end if;
end;
$$;
comment on function matching.read_funds is 'what the parties of a batch have available';
