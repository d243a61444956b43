-- Why an amendment of an order that is open or parked is refused, or null: it would result in one
-- that the filters of the symbol refuse, or that is good for no time [MAT-044]. Judged at its turn,
-- by what the order is by then. Takes the order, its price and the one that is asked for, each as
-- sorted by. Reads nothing.
create or replace function matching.refuse_amendment(
  p_symbol reference.symbols,
  p_asked matching.asked,
  p_slot matching.slot,
  p_from_price numeric,
  p_price numeric
) returns matching.refusal
language plpgsql immutable parallel safe
as $$
declare
  v_has_limit boolean := p_slot.pending is null
    or p_slot.type not in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP');
  v_quantity numeric := coalesce(p_asked.quantity, p_slot.quantity);
begin
  return coalesce(
    case when p_price is not null and not v_has_limit
      then 'PRICE_NOT_ALLOWED'::matching.refusal end,
    matching.refuse_command(p_symbol, p_asked.op, null, null,
      case when v_has_limit then abs(coalesce(p_price, p_from_price)) end, v_quantity),
    case when ceil(v_quantity / p_slot.display) > p_symbol.max_iceberg_parts
      then 'ICEBERG_PARTS'::matching.refusal end,
    p_asked.refusal,
    case
      when p_asked.time_in_force = 'GTC' and p_asked.expire_at is not null
        or p_asked.time_in_force = 'GTD' and num_nonnulls(p_asked.expire_at, p_slot.expire_at) = 0
        then 'EXPIRE_AT'::matching.refusal
    end
  );
end;
$$;
comment on function matching.refuse_amendment is
  'why an amendment of an order that is open or parked is refused';
