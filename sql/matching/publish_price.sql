-- Takes a price of a symbol from outside, its mark or index price in quote per base, and fires the
-- stop orders that follow it, in this transaction [MAT-052]. While the symbol does not trade
-- continuously nothing fires. Returns how many commands that made.
-- Locks: the symbol, then as matching.execute_batch. Writes: matching.published_prices, and what
-- the orders do that fire.
create or replace function matching.publish_price(
  p_symbol reference.symbols,
  p_source matching.trigger_source,
  p_price numeric,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_state matching.symbol_state := matching.lock_symbol(p_symbol.segment_id, p_symbol.symbol_id);
  v_commands matching.command[];
  v_now timestamptz := greatest(p_now, v_state.last_at);
begin
  insert into matching.published_prices as p (segment_id, symbol_id, source, price, published_at)
  values (p_symbol.segment_id, p_symbol.symbol_id, p_source, p_price, v_now)
  on conflict (segment_id, symbol_id, source) do update
  set price = excluded.price,
    published_at = excluded.published_at;

  if v_state.phase <> 'CONTINUOUS' or p_symbol.status <> 'ACTIVE' then
    return 0;
  end if;
  v_commands := matching.fire_stops(
    p_symbol,
    array[row(
      v_state.last_seq + 1, p_price, 0, null, null, null, null, null, null, null, null, null, null
    )::matching.fill],
    array[p_source]
  );
  if v_commands <> '{}' then
    perform matching.execute_batch(p_symbol.symbol_id, v_now, v_commands);
  end if;
  return cardinality(v_commands);
end;
$$;
comment on function matching.publish_price is
  'takes a price from outside and fires the stop orders that follow it';
