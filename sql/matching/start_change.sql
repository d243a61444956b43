-- What a command makes of an order that stands already: a cancel ends it; an amendment that only
-- takes quantity away, or is of an order that is parked, keeps its place; any other, and a release,
-- goes on as a taker (no kind yet) [MAT-044]. Or why it is refused.
-- Takes the command, the order, its price as sorted by, what is left of it, the price that is asked
-- for, and whether the order comes only later in the batch. Returns the order with what changes of
-- it but its price and what is left. Reads nothing.
create or replace function matching.start_change(
  p_symbol reference.symbols,
  p_asked matching.asked,
  p_slot matching.slot,
  p_from_price numeric,
  p_from_left numeric,
  p_price numeric,
  p_is_later boolean
) returns matching.started
language plpgsql immutable parallel safe
as $$
declare
  v_started matching.started;
  v_left numeric;
begin
  v_started.refusal := case
    when p_is_later then 'UNKNOWN_ORDER'::matching.refusal
    when p_from_left > 0 and p_asked.op = 'AMEND' and p_asked.end_reason is null then coalesce(
      matching.refuse_amendment(p_symbol, p_asked, p_slot, p_from_price, p_price), p_asked.bar)
    when p_from_left > 0 and p_asked.bar is not null then p_asked.bar
    when p_from_left > 0 and p_asked.is_only_if_new and p_slot.filled > 0
      then 'CONDITION_FAILED'
    when p_from_left > 0 then null
    when p_slot.end_reason is null and p_slot.refusal is null then 'ORDER_FILLED'
    when p_asked.op = 'CANCEL' and matching.end_kind(p_slot.end_reason) = 'CANCELLED'
      then 'ALREADY_CANCELLED'
    else 'ORDER_NOT_OPEN' end;
  v_started.from_price := case when p_slot.pending is null then p_from_price end;
  v_started.from_visible := p_slot.visible;
  v_started.from_left := p_from_left;
  v_started.sort_price := coalesce(p_price, p_from_price);
  v_started.is_buy := p_from_price < 0;
  v_started.slot := p_slot;
  if p_asked.op = 'RELEASE' then
    v_started.sort_price := p_price;
    v_started.is_buy := p_asked.is_buy;
    -- An exit gets what its entry traded; any other has the quantity that it has by now.
    v_started.remaining := case when p_slot.pending = 'PARENT' then p_asked.quantity
      else p_from_left end;
    v_started.slot.quantity := v_started.remaining;
    return v_started;
  end if;

  v_left := case when p_asked.op = 'CANCEL' then 0
    else greatest(coalesce(p_asked.quantity - p_slot.quantity, 0) + p_from_left, 0) end;
  v_started.remaining := v_left;
  if v_left = 0 then
    v_started.slot.end_reason := coalesce(p_asked.end_reason, 'USER');
    v_started.kind := matching.end_kind((v_started.slot).end_reason);
    v_started.sort_price := p_from_price;
    return v_started;
  end if;
  v_started.slot.quantity := p_slot.quantity + v_left - p_from_left;
  if num_nonnulls(p_asked.time_in_force, p_asked.expire_at) > 0 then
    v_started.slot.expire_at := case when p_asked.time_in_force is distinct from 'GTC'
      then coalesce(p_asked.expire_at, p_slot.expire_at) end;
  end if;
  if p_slot.pending is not null
    or v_started.sort_price = p_from_price and v_left <= p_from_left then
    v_started.kind := 'AMENDED';
  end if;
  return v_started;
end;
$$;
comment on function matching.start_change is
  'what a command makes of an order that stands already';
