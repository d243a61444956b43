-- The furthest limit price that the collar of a symbol lets an order have, on the tick: above what
-- it is near to for a buyer, below it for a seller; null without a collar or without such a price
-- [MAT-061]. Takes prices in quote per base. Reads nothing.
create or replace function matching.collar_bound(
  p_symbol reference.symbols,
  p_is_buy boolean,
  p_near_price numeric
) returns numeric
language sql immutable parallel safe
as $$
  select case
    when p_is_buy
      then b.bound - b.bound % p_symbol.tick_size
    else b.bound + (p_symbol.tick_size - b.bound % p_symbol.tick_size) % p_symbol.tick_size end
  from (
    select p_near_price * (1 + case when p_is_buy then 1 else -1 end * p_symbol.collar_rate)
      as bound
  ) as b
$$;
comment on function matching.collar_bound is
  'the furthest limit price that the collar of a symbol lets an order have';
