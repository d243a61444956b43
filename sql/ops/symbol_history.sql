-- What happened in a symbol, by the number of the event: events, trades, prevented matches, and
-- orders as they stand, by their last event. Each as it would be of any other symbol. Reads only.
create or replace function ops.symbol_history(
  p_symbol reference.symbols,
  p_from_seq bigint,
  p_to_seq bigint
) returns table (
  seq bigint,
  what text,
  key bigint,
  facts jsonb
)
language sql stable
rows 10000
as $$
  select e.seq, 'event', e.seq, matching.symbol_facts(to_jsonb(e))
  from matching.events as e
  where e.segment_id = p_symbol.segment_id
    and e.symbol_id = p_symbol.symbol_id
    and e.seq between p_from_seq and p_to_seq
  union all
  select t.seq, 'trade', t.seq, matching.symbol_facts(to_jsonb(t))
  from matching.trades as t
  where t.segment_id = p_symbol.segment_id
    and t.symbol_id = p_symbol.symbol_id
    and t.seq between p_from_seq and p_to_seq
  union all
  select m.seq, 'prevented match', m.seq, matching.symbol_facts(to_jsonb(m))
  from matching.prevented_matches as m
  where m.segment_id = p_symbol.segment_id
    and m.symbol_id = p_symbol.symbol_id
    and m.seq between p_from_seq and p_to_seq
  union all
  select o.last_seq, 'order', o.order_id % 1000000000000, matching.symbol_facts(to_jsonb(o))
  from matching.orders as o
  where o.segment_id = p_symbol.segment_id
    and o.symbol_id = p_symbol.symbol_id
    and o.last_seq between p_from_seq and p_to_seq
$$;
comment on function ops.symbol_history is 'what happened in a symbol, by the number of the event';
