-- Moves the trailing stops of a symbol with the trades of a part, trade by trade: the first that
-- meets the activation price sets the best price, every later one that is better moves it, and the
-- first that is as far from it as the order says fires the order [MAT-051]. Compares unrounded.
-- Where what fires may not, in a call or outside the band, the later trades move it as before.
-- Returns those that fire: at which trade, at which level.
-- Writes: matching.stop_orders_watchlist. Under the lock of the symbol.
create or replace function matching.trail_stops(
  p_symbol reference.symbols,
  p_fills matching.fill[],
  p_sources matching.trigger_source[]
) returns table (
  order_id bigint,
  seq bigint,
  level numeric
)
language plpgsql volatile
as $$
declare
  v_stop matching.stop_orders_watchlist;
  v_fill matching.fill;
  v_fires boolean;
begin
  for v_stop in
    select w.*
    from matching.stop_orders_watchlist as w
    where w.segment_id = p_symbol.segment_id
      and w.symbol_id = p_symbol.symbol_id
      and w.source = any (p_sources)
      and w.type = 'TRAILING_STOP'
    order by w.entry_seq
  loop
    v_fires := false;
    foreach v_fill in array p_fills loop
      continue when v_fill.seq < v_stop.entry_seq;
      if v_stop.watermark_price is null then
        continue when v_stop.activation_is_up and v_fill.price < v_stop.activation_price
          or not v_stop.activation_is_up and v_fill.price > v_stop.activation_price;
        v_stop.watermark_price := v_fill.price;
      end if;
      v_stop.watermark_price := case when v_stop.side = 'BUY'
        then least(v_stop.watermark_price, v_fill.price)
        else greatest(v_stop.watermark_price, v_fill.price) end;
      v_stop.stop_price := matching.stop_level(v_stop.side = 'BUY', v_stop.watermark_price,
        v_stop.trailing_offset, v_stop.trailing_bips);
      if not v_fires and (v_fill.price >= v_stop.stop_price and v_stop.side = 'BUY'
        or v_fill.price <= v_stop.stop_price and v_stop.side = 'SELL') then
        return query select v_stop.order_id, v_fill.seq, v_stop.stop_price;
        v_fires := true;
      end if;
    end loop;

    update matching.stop_orders_watchlist as w
    set watermark_price = v_stop.watermark_price,
      stop_price = v_stop.stop_price
    where w.segment_id = v_stop.segment_id
      and w.order_id = v_stop.order_id
      and w.watermark_price is distinct from v_stop.watermark_price;
  end loop;
end;
$$;
comment on function matching.trail_stops is
  'moves the trailing stops of a symbol with trades; returns those that fire';
