-- An amount rounded up to the unit of its asset: the one rounding of fees, in favour of the house
-- [LED-002]. Takes the amount, how many units make one of the asset,
-- and the unit (multiplied by, because a quotient of numerics is not exact). Is inlined.
create or replace function ledger.round_up(
  p_amount numeric,
  p_units numeric,
  p_unit numeric
) returns numeric
language sql immutable parallel safe
as $$
  select ceil(p_amount * p_units) * p_unit
$$;
comment on function ledger.round_up is 'an amount rounded up to the unit of its asset';
