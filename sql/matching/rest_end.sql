-- Why what is left of a taker ends instead of resting, or null: it may not rest, or a price band
-- stopped it and bands expire what they stop, or it is for continuous trading only: who takes no
-- part in a call begins none [MAT-082]. Takes whether there was nobody more to meet, and whether a
-- band stood before the next. Reads nothing; is inlined. [MAT-040], [MAT-043].
create or replace function matching.rest_end(
  p_left numeric,
  p_rests boolean,
  p_is_market boolean,
  p_is_alone boolean,
  p_is_banded boolean,
  p_band_action reference.band_action,
  p_session_rule matching.time_in_force_enum
) returns matching.end_reason
language sql immutable parallel safe
as $$
  select case
    when p_left = 0 then null
    when p_rests and not (
      p_is_banded and (p_band_action = 'EXPIRE' or coalesce(p_session_rule = 'GTX', false))
    ) then null
    when p_is_banded then 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED'::matching.end_reason
    when not p_is_market then 'UNFILLED_IOC'
    when p_is_alone then 'INSUFFICIENT_LIQUIDITY'
    else 'PROTECTION'
  end
$$;
comment on function matching.rest_end is 'why what is left of a taker ends instead of resting';
