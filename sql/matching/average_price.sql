-- The average price of so much notional (quote) for so much quantity (base), rounded half up to ten
-- decimals for show only; null when nothing was filled.
create or replace function matching.average_price(
  p_notional numeric,
  p_quantity numeric
) returns numeric -- quote per base
language sql immutable parallel safe
as $$
  select trim_scale(round(p_notional / nullif(p_quantity, 0), 10))
$$;
comment on function matching.average_price is 'notional by quantity, rounded for show';
