-- The limit at which a market order for a call takes part, as sorted by: the bound of the symbol's
-- protection about a price, on a tick; null without that price [MAT-086]. Reads nothing.
create or replace function matching.call_bound(
  p_symbol reference.symbols,
  p_side matching.order_side_enum,
  p_price numeric -- quote per base
) returns numeric -- negative for a bid
language sql immutable
as $$
  select case when p_side = 'BUY'
    then matching.tick_inside(-p_price - b.width, p_symbol.tick_size)
    else greatest(matching.tick_inside(p_price - b.width, p_symbol.tick_size), p_symbol.tick_size)
    end
  from (
    select greatest(
      p_price * p_symbol.protection_rate, p_symbol.protection_ticks * p_symbol.tick_size
    ) as width
  ) as b
  where p_price is not null
$$;
comment on function matching.call_bound is
  'the limit at which a market order for a call takes part';
