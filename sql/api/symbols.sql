-- The symbols as the outside sees them: filters, fees, status. segment_id and symbol_id are for the
-- service itself.
create or replace view api.symbols as
select
  s.segment_id,
  s.symbol_id,
  s.symbol,
  b.asset as base_asset,
  q.asset as quote_asset,
  s.status,
  s.status_reason,
  trim_scale(s.tick_size::numeric) as tick_size,
  trim_scale(s.lot_size::numeric) as lot_size,
  trim_scale(s.min_quantity::numeric) as min_quantity,
  trim_scale(s.max_quantity::numeric) as max_quantity,
  trim_scale(s.min_notional) as min_notional,
  trim_scale(s.max_notional) as max_notional,
  trim_scale(s.protection_rate::numeric) as protection_rate,
  s.protection_ticks,
  trim_scale(s.maker_rate::numeric) as maker_rate,
  trim_scale(s.taker_rate::numeric) as taker_rate,
  s.base_decimals,
  s.quote_decimals,
  s.created_at
from reference.symbols as s
join reference.assets as b
  on b.asset_id = s.base_asset_id
join reference.assets as q
  on q.asset_id = s.quote_asset_id;
comment on view api.symbols is 'symbols with their filters, fees and status';
grant select on api.symbols to pgsettle_app;
