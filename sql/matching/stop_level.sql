-- The level at which a trailing stop fires, in quote per base, not rounded: so far from the best
-- price since it is active, by an offset or by basis points; above the lowest for a buy order,
-- below the highest for a sell order. [MAT-051]. Reads nothing.
create or replace function matching.stop_level(
  p_is_buy boolean,
  p_watermark numeric,
  p_offset numeric,
  p_bips int
) returns numeric
language sql immutable parallel safe
as $$
  select p_watermark + case when p_is_buy then 1 else -1 end
    * coalesce(p_offset, p_watermark * p_bips * 0.0001)
$$;
comment on function matching.stop_level is 'the level at which a trailing stop fires';
