-- What traded in the last 24 hours, by symbol, without what is busted [BST-004]: every symbol has a
-- row.
create or replace view ops.v_trade_volume_24h as
select
  s.symbol,
  count(t.trade_id) as trades,
  coalesce(sum(t.quantity), 0) as volume,
  coalesce(sum(t.price * t.quantity), 0) as quote_volume,
  min(t.price::numeric) as low,
  max(t.price::numeric) as high,
  sum(t.price * t.quantity) / nullif(sum(t.quantity), 0) as vwap
from reference.symbols as s
left join matching.standing_trades as t
  on t.segment_id = s.segment_id
  and t.symbol_id = s.symbol_id
  and t.traded_at > now() - interval '24 hours'
group by s.symbol_id, s.symbol
order by s.symbol_id;
comment on view ops.v_trade_volume_24h is 'what traded in the last 24 hours, by symbol';
