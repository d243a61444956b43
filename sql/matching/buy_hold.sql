-- What a buy order must hold, in quote: what the rest costs at its limit, and the fees of all its
-- fills, done and to come at the rate of holds, rounded up once, less those charged already
-- [MAT-030]. Takes the cost of the rest, the fees so far before rounding and as
-- charged, the rate, how many units make one of the quote asset, and the unit (multiplied by,
-- because a quotient of numerics is not exact). Reads nothing; is inlined.
create or replace function matching.buy_hold(
  p_cost numeric,
  p_fee_exact numeric,
  p_fee numeric,
  p_rate numeric,
  p_units numeric,
  p_unit numeric
) returns numeric
language sql immutable parallel safe
as $$
  select p_cost - p_fee + ceil((p_fee_exact + p_cost * p_rate) * p_units) * p_unit
$$;
comment on function matching.buy_hold is 'what a buy order must hold, in quote';
