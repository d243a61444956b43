-- What an open order must hold: a sell order its remaining quantity, in base; a buy order, in quote,
-- what the rest costs at its limit and the fees of all its fills, done and to come at the higher
-- rate, rounded up once, less those charged already (semantics §8.2) [MAT-030].
-- matching.match_batch computes the same in its loop, where a call would cost too much.
create or replace function matching.hold_of(
  p_symbol reference.symbols,
  p_sort_price numeric,
  p_remaining numeric,
  p_fee_exact numeric,
  p_fee numeric
) returns numeric
language sql immutable parallel safe
as $$
  select case when p_sort_price > 0 then p_remaining else
    -p_sort_price * p_remaining - p_fee + ceil(
      (p_fee_exact - p_sort_price * p_remaining
        * greatest(p_symbol.maker_rate, p_symbol.taker_rate, 0))
      / reference.asset_unit(p_symbol.quote_decimals)
    ) * reference.asset_unit(p_symbol.quote_decimals)
  end
$$;
comment on function matching.hold_of is 'what an open order must hold';
