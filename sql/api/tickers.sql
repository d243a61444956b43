-- The state of symbols at a glance: last trade, touch, and the 24 hours up to p_now, by trade, not
-- by candle [MAT-050], and without what is busted [BST-004]. One symbol, or all when null. Reads
-- only. Raises NFSYM.
create or replace function api.tickers(
  p_segment_id int,
  p_symbol text,
  p_now timestamptz
) returns table (
  symbol text,
  seq bigint,
  last_price numeric,
  bid numeric,
  ask numeric,
  open_24h numeric,
  high_24h numeric,
  low_24h numeric,
  change_24h numeric,
  volume_24h numeric,
  quote_volume_24h numeric,
  trades_24h bigint
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  return query
  select
    s.symbol, st.last_seq, trim_scale(st.last_price::numeric),
    (matching.levels_json(p_segment_id, s.symbol_id, 'BUY', 1) -> 0 ->> 0)::numeric,
    (matching.levels_json(p_segment_id, s.symbol_id, 'SELL', 1) -> 0 ->> 0)::numeric,
    trim_scale(d.open), trim_scale(d.high), trim_scale(d.low), trim_scale(st.last_price - d.open),
    coalesce(trim_scale(d.volume), 0), coalesce(trim_scale(d.quote_volume), 0), d.trades
  from reference.symbols as s
  join matching.symbol_state as st
    on st.segment_id = p_segment_id
    and st.symbol_id = s.symbol_id
  cross join lateral (
    select
      (array_agg(t.price::numeric order by t.traded_at, t.seq))[1] as open,
      max(t.price::numeric) as high, min(t.price::numeric) as low, sum(t.quantity) as volume,
      sum(t.price * t.quantity) as quote_volume, count(*) as trades
    from matching.standing_trades as t
    where t.segment_id = p_segment_id
      and t.trade_id > s.symbol_id * 1000000000000
      and t.trade_id < (s.symbol_id + 1) * 1000000000000
      and t.traded_at > p_now - interval '24 hours'
      and t.traded_at <= p_now
  ) as d
  where s.segment_id = p_segment_id
    and s.symbol_id = coalesce(v_symbol_id, s.symbol_id)
  order by s.symbol_id;
end;
$$;
comment on function api.tickers is 'last trade, touch and 24 hours of one symbol or all';
revoke execute on function api.tickers from public;
grant execute on function api.tickers to pgsettle_app;
