-- What an order must hold, by side: a buy order matching.buy_hold, in quote, a sell order what is
-- left, in base. Takes its limit in quote per base and what else matching.buy_hold takes. Null for
-- a buy order without a limit. Reads nothing; is inlined. [MAT-030].
create or replace function matching.order_hold(
  p_is_buy boolean,
  p_price numeric,
  p_left numeric,
  p_fee_exact numeric,
  p_fee numeric,
  p_rate numeric,
  p_units numeric,
  p_unit numeric
) returns numeric
language sql immutable parallel safe
as $$
  select case when p_is_buy
    then matching.buy_hold(p_price * p_left, p_fee_exact, p_fee, p_rate, p_units, p_unit)
    else p_left end
$$;
comment on function matching.order_hold is 'what an order must hold, by side';
