-- A price as sorted by, moved to a tick towards the touch: a bid down, an ask up. Takes and returns
-- the negative price of a bid, the price of an ask. Reads nothing; is inlined.
create or replace function matching.tick_inside(
  p_sort_price numeric,
  p_tick_size numeric
) returns numeric
language sql immutable parallel safe
as $$
  select trim_scale(p_sort_price + (p_tick_size - p_sort_price % p_tick_size) % p_tick_size)
$$;
comment on function matching.tick_inside is 'a price moved to a tick, towards the touch';
