-- The first difference between what is kept of a symbol and what its replay gave, up to an event:
-- in what happened; where that is the same, in the orders, which show their last event only; where
-- they are the same, in the market that stands at the end, by its digest. Reads only.
create or replace function ops.compare_replay(
  p_symbol reference.symbols,
  p_place reference.symbols,
  p_from_seq bigint,
  p_to_seq bigint,
  p_digest text
) returns table (
  seq bigint,
  what text,
  kept jsonb,
  replayed jsonb
)
language sql stable
as $$
  (
    select coalesce(k.seq, r.seq), coalesce(k.what, r.what), k.facts, r.facts
    from ops.symbol_history(p_symbol, p_from_seq, p_to_seq) as k
    full join ops.symbol_history(p_place, p_from_seq, p_to_seq) as r
      on r.what = k.what
      and r.key = k.key
    where k.facts is distinct from r.facts
    order by coalesce(k.what, r.what) = 'order', coalesce(k.seq, r.seq), coalesce(k.what, r.what)
    limit 1
  )
  union all
  select p_to_seq, 'book', to_jsonb(p_digest), to_jsonb(b.digest)
  from (select matching.book_digest(p_place) as digest) as b
  where b.digest <> p_digest
  limit 1
$$;
comment on function ops.compare_replay is
  'the first difference between what is kept of a symbol and its replay';
