-- How far a taker may go before the band of its symbol, as sorted by: to its own reach or to the
-- end of the band, and nowhere when the first that it meets is outside already, on either side
-- [MAT-080]. A post-only order takes nothing, and is judged by its reach alone [MAT-045].
-- Takes the place of the first maker. Reads nothing; is inlined.
create or replace function matching.band_wall(
  p_is_buy boolean,
  p_is_post_only boolean,
  p_key numeric,
  p_reach numeric,
  p_state matching.symbol_state
) returns numeric
language sql immutable parallel safe
as $$
  select case
    when p_is_post_only then p_reach
    when p_key < case when p_is_buy then p_state.band_low else -p_state.band_high end
      then '-Infinity'
    else least(p_reach, case when p_is_buy then p_state.band_high else -p_state.band_low end)
  end
$$;
comment on function matching.band_wall is 'how far a taker may go before the band of its symbol';
