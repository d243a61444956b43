-- A digest of all that stands in a symbol's market: what rests and what waits, with its holds, what
-- fires it, the last price and the phase. Two symbols that went through the same have the same.
-- Reads only, the whole book; in one statement, and so as of one moment.
create or replace function matching.book_digest(
  p_symbol reference.symbols
) returns text
language sql stable
as $$
  select encode(
    sha256(convert_to(
      string_agg(md5(r.facts::text), '' order by r.what, r.order_id), 'UTF8'
    )), 'hex'
  )
  from (
    select 'book' as what, b.order_id, matching.symbol_facts(to_jsonb(b)) as facts
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
    union all
    select 'parked', k.order_id, matching.symbol_facts(to_jsonb(k))
    from matching.parked_orders as k
    where k.segment_id = p_symbol.segment_id
      and k.symbol_id = p_symbol.symbol_id
    union all
    select 'watched', w.order_id, matching.symbol_facts(to_jsonb(w))
    from matching.stop_orders_watchlist as w
    where w.segment_id = p_symbol.segment_id
      and w.symbol_id = p_symbol.symbol_id
    union all
    select 'state', 0, jsonb_build_object('last_price', s.last_price, 'phase', s.phase)
    from matching.symbol_state as s
    where s.segment_id = p_symbol.segment_id
      and s.symbol_id = p_symbol.symbol_id
  ) as r
$$;
comment on function matching.book_digest is 'a digest of all that stands in a symbol''s market';
