-- What becomes of an order that waits, at its entry: when it is accepted for later, or waits for
-- another order, it is parked as it is (one without a limit at its stop price). A stop order is
-- parked unless the last price has reached its stop price: then it is refused, or fires at once
-- where it says so [MAT-057]. A trailing stop starts from the last price, or is not active until
-- its activation price is met [MAT-051].
-- Takes the command, its limit price as sorted by (null for a market order) and the last price.
-- Returns the command with the price at which it is held (for a market order that buys: its stop
-- price and the symbol's protection beyond), what fires it, and why it is refused; without its
-- pending reason when it fires at once. Where nothing fires, it waits. Reads nothing.
create or replace function matching.enter_parked(
  p_symbol reference.symbols,
  p_asked matching.asked,
  p_sort_price numeric,
  p_last_price numeric
) returns matching.asked
language plpgsql immutable parallel safe
as $$
declare
  v_asked matching.asked := p_asked;
  v_last numeric := coalesce(p_asked.source_price, p_last_price);
  v_stop numeric := p_asked.stop_price;
begin
  v_asked.parked_price := p_sort_price;
  if v_asked.pending <> 'TRIGGER' then
    v_asked.parked_price := coalesce(p_sort_price, case when v_asked.is_buy then -1 else 1 end
      * coalesce(v_stop, p_symbol.tick_size));
    return v_asked;
  end if;

  if v_asked.trailing_offset is not null or v_asked.trailing_bips is not null then
    if v_asked.activation_price is null or v_asked.activation_price = v_last then
      v_asked.watermark_price := v_last;
    else
      v_asked.activation_is_up := coalesce(
        v_asked.activation_price > v_last, not v_asked.is_buy
      );
    end if;
    v_asked.stop_price := matching.stop_level(v_asked.is_buy, v_asked.watermark_price,
      v_asked.trailing_offset, v_asked.trailing_bips);
    v_stop := coalesce(v_asked.stop_price, matching.stop_level(v_asked.is_buy,
      v_asked.activation_price, v_asked.trailing_offset, v_asked.trailing_bips));
    v_asked.fires_above := '-Infinity';
    if v_stop is null and v_asked.is_buy then
      v_asked.refusal := 'TRAILING_MISSING';
    end if;
    v_asked.parked_price := case when v_asked.is_buy then -1 else 1 end * greatest(
      coalesce(v_stop + case when v_asked.is_buy then 1 else -1 end * v_asked.limit_offset,
        v_stop, p_symbol.tick_size),
      p_symbol.tick_size);
  elsif v_asked.waits is not true
    and (v_last >= v_stop and v_asked.is_up or v_last <= v_stop and not v_asked.is_up) then
    if v_asked.fires_at_once then
      v_asked.pending := null;
    else
      v_asked.refusal := 'WOULD_TRIGGER';
    end if;
    return v_asked;
  else
    v_asked.fires_above := case when v_asked.is_up then v_stop end;
    v_asked.fires_below := case when not v_asked.is_up then v_stop end;
    v_asked.parked_price := coalesce(
      p_sort_price, case when v_asked.is_buy then -v_stop else v_stop end);
  end if;

  if v_asked.is_market and v_asked.limit_offset is null and v_asked.is_buy then
    v_asked.parked_price := v_asked.parked_price - greatest(
      v_stop * p_symbol.protection_rate, p_symbol.protection_ticks * p_symbol.tick_size);
  end if;
  -- To the tick, away from the market: the lower number for both sides of sort prices.
  v_asked.parked_price := -matching.tick_inside(-v_asked.parked_price, p_symbol.tick_size);
  return v_asked;
end;
$$;
comment on function matching.enter_parked is 'what becomes of an order that waits, at its entry';
