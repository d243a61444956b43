-- Takes a price of a symbol from outside, its mark or index price in quote per base, and fires the
-- stop orders that follow it, in this transaction [MAT-052]. While the symbol does not trade
-- continuously nothing fires. Returns how many commands that made.
-- Locks: the symbol, then as matching.execute_batch. Writes: matching.published_prices, the command
-- log, and what the orders do that fire.
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
  if v_state.next_due_at <= v_now then
    perform matching.execute_batch(p_symbol.symbol_id, v_now, '{}');
    v_state := matching.lock_symbol(p_symbol.segment_id, p_symbol.symbol_id);
  end if;
  perform matching.log_price(p_symbol, v_state, v_now, p_source, p_price);
  v_commands := matching.take_price(p_symbol, v_state, p_source, p_price, v_now);
  if v_commands <> '{}' then
    perform matching.execute_batch(p_symbol.symbol_id, v_now, v_commands);
  end if;
  return cardinality(v_commands);
end;
$$;
comment on function matching.publish_price is
  'takes a price from outside and fires the stop orders that follow it';
