-- What an order that stands is charged: what its owner is, an order to buy at most the rate that it
-- holds for [LED-043]. Takes both, null where they are what the symbol itself says; so is the
-- result. Reads nothing.
create or replace function matching.capped_charge(
  p_symbol reference.symbols,
  p_charge matching.charge,
  p_is_buy boolean,
  p_hold_rate numeric
) returns matching.charge
language sql immutable parallel safe
as $$
  select case
    when p_hold_rate is null and p_charge.hold_rate is null or not p_is_buy then p_charge
    else row(p_charge.fee_id, least(coalesce(p_charge.maker_rate, p_symbol.maker_rate), h.rate),
      least(coalesce(p_charge.taker_rate, p_symbol.taker_rate), h.rate), h.rate,
      p_charge.volume_left)::matching.charge end
  from (
    select coalesce(p_hold_rate, greatest(p_symbol.maker_rate, p_symbol.taker_rate, 0)) as rate
  ) as h
$$;
comment on function matching.capped_charge is 'what an order that stands is charged';
