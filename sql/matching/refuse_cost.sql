-- Why an order that has looked at what it would get is refused, or null: a quote quantity that
-- does not buy the least quantity, or funds that do not cover a market order: what it takes, with
-- the fee, and what it leaves at the end of its protection where that rests. [MAT-043], [MAT-047].
-- Takes what it is charged, its last price as sorted by the makers, what it would get and leave
-- together, what it would get and what that costs, and what its owner has: quote for a buy, base
-- for a sell. Reads nothing.
create or replace function matching.refuse_cost(
  p_symbol reference.symbols,
  p_charge matching.charge,
  p_asked matching.asked,
  p_reach numeric,
  p_left numeric,
  p_got numeric,
  p_cost numeric,
  p_funds numeric
) returns matching.refusal
language plpgsql immutable parallel safe
as $$
declare
  v_cost numeric := p_cost;
  v_rests boolean;
begin
  if p_asked.quote_quantity is not null and p_left < p_symbol.min_quantity then
    return 'QUOTE_QUANTITY';
  end if;
  if not p_asked.is_market then
    return null;
  end if;
  v_rests := p_asked.rests and p_left > p_got;
  if v_rests then
    v_cost := v_cost
      + abs(matching.tick_inside(-p_reach, p_symbol.tick_size)) * (p_left - p_got);
  end if;
  if p_funds < (case
    when not p_asked.is_buy then p_left
    when v_rests then matching.hold_of(p_symbol, -v_cost, 1, 0, 0, p_charge.hold_rate)
    else v_cost + ledger.round_up(
      v_cost * coalesce(p_charge.taker_rate, p_symbol.taker_rate),
      reference.units_in_one(p_symbol.quote_decimals),
      reference.asset_unit(p_symbol.quote_decimals)
    )
  end) then
    return 'INSUFFICIENT_FUNDS';
  end if;
  return null;
end;
$$;
comment on function matching.refuse_cost is
  'why an order that has looked at what it would get is refused';
