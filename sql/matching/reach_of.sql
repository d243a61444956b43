-- The worst price that a market order of a call may trade at, where a limit order has its limit: it
-- sells at any, and buys up to the highest of which its hold pays cost and fee. Takes what remains
-- of it, in base, and its hold, in quote; returns quote per base. Reads nothing.
create or replace function matching.reach_of(
  p_symbol reference.symbols,
  p_side matching.order_side_enum,
  p_remaining numeric,
  p_hold numeric
) returns numeric
language sql immutable parallel safe
as $$
  -- div() is exact where a quotient is not: a price too high by one tick could not be paid.
  select case when p_side = 'SELL' then 0 else p_symbol.tick_size * div(
    p_hold,
    p_remaining * (1 + greatest(p_symbol.taker_rate, p_symbol.maker_rate, 0)) * p_symbol.tick_size
  ) end
$$;
comment on function matching.reach_of is
  'the worst price that a market order of a call may trade at';
