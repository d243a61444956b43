-- The book of a symbol, best first, by price level: [price, quantity, orders], with the number of
-- the last event that it contains. One statement, so one snapshot: the levels and the number belong
-- together. Reads only. Raises NFSYM.
create or replace function api.book(
  p_segment_id int,
  p_symbol text,
  p_depth int
) returns table (
  symbol text,
  seq bigint,
  bids json,
  asks json
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
begin
  return query
  select
    v_symbol.symbol, s.last_seq,
    matching.levels_json(p_segment_id, v_symbol.symbol_id, 'BUY', p_depth)::json,
    matching.levels_json(p_segment_id, v_symbol.symbol_id, 'SELL', p_depth)::json
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
    and s.symbol_id = v_symbol.symbol_id;
end;
$$;
comment on function api.book is 'the book of a symbol by price level, best first';
revoke execute on function api.book from public;
grant execute on function api.book to pgsettle_app;
