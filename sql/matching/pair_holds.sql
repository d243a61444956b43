-- What two orders hold of which one cancels the other: the money for both once [MAT-053]. Who
-- waits holds what the other does not; else it takes over what the other holds for both.
-- Takes the side of both, what the order must hold, whether it waits, its quantity, and the other
-- one, with its price as sorted by and what is left of it. Returns what the order holds, and what
-- of the other's hold it may use. Reads nothing.
create or replace function matching.pair_holds(
  p_symbol reference.symbols,
  p_is_buy boolean,
  p_hold numeric,
  p_waits boolean,
  p_quantity numeric,
  p_other matching.slot,
  p_other_price numeric,
  p_other_left numeric
) returns numeric[] -- hold, shared
language plpgsql immutable parallel safe
as $$
declare
  v_shared numeric := p_other.hold;
  v_left numeric := p_other_left + p_quantity - p_other.quantity;  -- both have one quantity
  v_other numeric := case when not p_is_buy then v_left else matching.hold_of(
    p_symbol, p_other_price, v_left, 0, 0, (p_other.charge).hold_rate
  ) end;
begin
  if p_hold <= 0 then
    return array[p_hold, v_shared];
  elsif p_waits then
    return array[greatest(0, p_hold - v_shared, v_other - v_shared), 0];
  end if;
  return array[p_hold, v_shared - greatest(0, v_other - p_hold)];
end;
$$;
comment on function matching.pair_holds is
  'what two orders hold of which one cancels the other: the money for both once';
