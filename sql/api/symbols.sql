-- The symbols as the outside sees them: filters, status, and the fees that are in force now for all
-- who have none of their own. segment_id and symbol_id are for the service itself.
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
  trim_scale(coalesce(f.maker_rate, s.maker_rate)::numeric) as maker_rate,
  trim_scale(coalesce(f.taker_rate, s.taker_rate)::numeric) as taker_rate,
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
  on q.asset_id = s.quote_asset_id
left join lateral (
  -- As reference.schedules_of, for everybody: a view calls functions with the rights of its reader.
  select r.maker_rate, r.taker_rate
  from (
    select distinct on (u.symbol_id, u.group_id) u.*
    from reference.fee_schedules as u
    where u.segment_id = s.segment_id
      and u.participant_id is null
      and (u.symbol_id = s.symbol_id or u.group_id = s.group_id
        or num_nonnulls(u.symbol_id, u.group_id) = 0)
      and u.effective_from <= now()
    order by u.symbol_id, u.group_id, u.effective_from desc, u.schedule_id desc
  ) as b
  join reference.fee_rates as r
    on r.segment_id = b.segment_id
    and r.schedule_id = b.schedule_id
    and r.min_volume = 0
  order by b.symbol_id is null, b.group_id is null
  limit 1
) as f on true;
comment on view api.symbols is 'symbols with their filters, fees and status';
grant select on api.symbols to pgsettle_app;
