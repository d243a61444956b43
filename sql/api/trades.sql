-- The trades of a symbol, newest first, those that are busted as well, and whose place one took.
-- Takes the cursor of the last row seen: its trade id.
-- Reads only. Raises NFSYM.
create or replace function api.trades(
  p_segment_id int,
  p_symbol text,
  p_cursor text,
  p_limit int
) returns table (
  trade_id bigint,
  symbol text,
  seq bigint,
  price numeric,
  quantity numeric,
  taker_side matching.order_side_enum,
  traded_at timestamptz,
  busted boolean,
  corrects bigint,
  cursor text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
begin
  return query
  select
    t.trade_id, v_symbol.symbol, t.seq, trim_scale(t.price::numeric),
    trim_scale(t.quantity::numeric), t.taker_side, t.traded_at, b.status is not null,
    r.trade_id, t.trade_id::text
  from matching.trades as t
  left join matching.trade_busts as b
    on b.segment_id = t.segment_id
    and b.trade_id = t.trade_id
    and b.status = 'DONE'
  left join matching.trade_busts as r
    on r.segment_id = t.segment_id
    and r.replacement_id = t.trade_id
  where t.segment_id = p_segment_id
    and t.trade_id > v_symbol.symbol_id * c_ids_per_symbol
    and t.trade_id < coalesce(p_cursor::bigint, (v_symbol.symbol_id + 1) * c_ids_per_symbol)
  order by t.trade_id desc
  limit p_limit;
end;
$$;
comment on function api.trades is 'the trades of a symbol, newest first';
revoke execute on function api.trades from public;
grant execute on function api.trades to pgsettle_app;
