-- The price at which a call would uncross now, and how much would trade [MAT-071]: of all ticks
-- from the lowest to the highest limit in the part of the book that is crossed, those with (1) the
-- most volume, of them those with (2) the least surplus. If at all of these (3) buyers are left
-- over, the highest; if sellers, the lowest; else (4) the nearest to the reference price: the one
-- given, or else the middle between the best bid and the best ask, rounded to the tick.
--
-- Demand falls just above a bid and supply rises at an ask, so both are the same from one of their
-- prices (or the tick beside it) to the next, and only those have to be looked at.
-- Takes a reference price, or null. Returns the price (null when nothing trades), the volume, and
-- what is left over at that price, on which side. Reads only.
create or replace function matching.uncrossing(
  p_symbol reference.symbols,
  p_reference numeric,
  p_in_close boolean,
  p_at timestamptz
) returns matching.indication
language plpgsql volatile
as $$
declare
  v_low numeric := matching.best_reach(p_symbol, 'SELL', p_in_close, p_at);
  v_high numeric := matching.best_reach(p_symbol, 'BUY', p_in_close, p_at);
  v_levels matching.call_order[];
  v_middle numeric;
  v_best record;
  v_result matching.indication;
  v_net numeric;
begin
  v_result.volume := 0;
  if v_low is null or v_high is null or v_low > v_high then
    return v_result;
  end if;

  select
    array_agg(l.level),
    (v_low + v_high) / 2
  into v_levels, v_middle
  from (
    select
      row(
        o.side, null, null, max(o.sort_price), null, o.reach, sum(o.remaining), null, null,
        null
      )::matching.call_order as level
    from matching.call_orders(p_symbol, v_low, v_high, p_in_close, p_at) as o
    group by o.side, o.reach
  ) as l;

  v_middle := p_symbol.tick_size * round(
    coalesce(p_reference, v_middle) / p_symbol.tick_size
  );
  select b.* into strict v_best
  from matching.best_prices(p_symbol.tick_size, v_levels, v_middle) as b;
  if v_best.volume is null then
    return v_result;
  end if;

  v_result.price := case
    when v_best.is_bought then v_best.highest
    when v_best.is_sold then v_best.lowest
    else greatest(v_best.lowest, least(v_best.highest, v_middle)) end;
  v_result.volume := v_best.volume;
  select coalesce(sum(case
    when l.side = 'BUY' and l.reach >= v_result.price then l.remaining
    when l.side = 'SELL' and l.reach <= v_result.price then -l.remaining end), 0)
  into v_net
  from unnest(v_levels) as l;
  v_result.surplus := abs(v_net);
  v_result.surplus_side := case when v_net > 0 then 'BUY'::matching.order_side_enum
    when v_net < 0 then 'SELL' end;
  return v_result;
end;
$$;
comment on function matching.uncrossing is
  'the price at which a call would uncross now, and how much would trade';
