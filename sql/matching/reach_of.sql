-- The worst price that an order of a call may trade at: its limit. A market order, whose sort_price
-- is -Infinity, sells at any price, and buys up to the highest of which its hold pays cost and fee.
-- Takes the row of the book apart; returns quote per base. Reads nothing.
create or replace function matching.reach_of(
  p_symbol reference.symbols,
  p_side matching.order_side_enum,
  p_sort_price numeric,
  p_remaining numeric,
  p_hold numeric
) returns numeric
language sql immutable parallel safe
as $$
  select case
    when p_sort_price > '-Infinity' then abs(p_sort_price)
    when p_side = 'SELL' then 0
    -- div() is exact where a quotient is not: a price too high by one tick could not be paid.
    else p_symbol.tick_size * div(
      p_hold,
      p_remaining * (1 + greatest(p_symbol.taker_rate, p_symbol.maker_rate, 0)) * p_symbol.tick_size
    ) end
$$;
comment on function matching.reach_of is 'the worst price that an order of a call may trade at';
