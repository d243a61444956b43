-- What an open order must hold: a sell order its remaining quantity, in base; a buy order what
-- matching.buy_hold says, in quote. Takes its price as sorted by (negative for a bid), and the rate
-- that it holds for, null where that is the symbol's own. Reads nothing.
create or replace function matching.hold_of(
  p_symbol reference.symbols,
  p_sort_price numeric,
  p_remaining numeric,
  p_fee_exact numeric,
  p_fee numeric,
  p_hold_rate numeric default null
) returns numeric
language sql immutable parallel safe
as $$
  select case when p_sort_price > 0 then p_remaining else matching.buy_hold(
    -p_sort_price * p_remaining, p_fee_exact, p_fee,
    coalesce(p_hold_rate, greatest(p_symbol.maker_rate, p_symbol.taker_rate, 0)),
    reference.units_in_one(p_symbol.quote_decimals), reference.asset_unit(p_symbol.quote_decimals)
  ) end
$$;
comment on function matching.hold_of is 'what an open order must hold';
