-- The state of a symbol with the prices at which its nearest stop orders fire, or trailing ones
-- move; any price, while its band waits for a first one. Reads only.
create or replace function matching.watch_state(
  p_symbol reference.symbols,
  p_state matching.symbol_state
) returns matching.symbol_state
language plpgsql volatile
as $$
declare
  v_state matching.symbol_state := p_state;
begin
  select
    coalesce(min(case when w.is_up then w.stop_price end), 'Infinity'),
    coalesce(max(case when not w.is_up then w.stop_price end), '-Infinity')
  into v_state.fires_above, v_state.fires_below
  from matching.stop_orders_watchlist as w
  where w.segment_id = p_symbol.segment_id
    and w.symbol_id = p_symbol.symbol_id;

  -- A trailing one also moves: with a new extreme, or when it is activated.
  select
    least(v_state.fires_above, min(case
      when w.watermark_price is not null and w.side = 'SELL' then w.watermark_price
      when w.watermark_price is null and w.activation_is_up is not false
        then coalesce(w.activation_price, '-Infinity')
    end)),
    greatest(v_state.fires_below, max(case
      when w.watermark_price is not null and w.side = 'BUY' then w.watermark_price
      when w.watermark_price is null and w.activation_is_up is false then w.activation_price
    end))
  into v_state.fires_above, v_state.fires_below
  from matching.stop_orders_watchlist as w
  where w.segment_id = p_symbol.segment_id
    and w.symbol_id = p_symbol.symbol_id
    and w.type = 'TRAILING_STOP';
  if p_symbol.band_rate is not null and p_state.reference_price is null then
    v_state.fires_above := '-Infinity';
  end if;
  return v_state;
end;
$$;
comment on function matching.watch_state is
  'the state of a symbol with the prices at which stop orders fire';
