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
  s.created_at,
  st.phase,
  s.default_stp,
  s.allowed_stps::text[] as allowed_stps,
  s.protection_rests,
  trim_scale(s.collar_rate::numeric) as collar_rate,
  s.max_open_orders,
  trim_scale(s.max_position) as max_position,
  s.max_iceberg_parts,
  s.min_trailing_bips,
  s.max_trailing_bips,
  s.max_cascade,
  trim_scale(s.band_rate::numeric) as band_rate,
  s.band_action,
  s.accept_when_closed
from reference.symbols as s
join matching.symbol_state as st
  on st.segment_id = s.segment_id
  and st.symbol_id = s.symbol_id
join reference.assets as b
  on b.asset_id = s.base_asset_id
join reference.assets as q
  on q.asset_id = s.quote_asset_id;
comment on view api.symbols is 'symbols with their filters, fees and status';
grant select on api.symbols to pgsettle_app;
