-- Opens a symbol for trading: its counters, its lock, and the queue of its trades.
-- Writes: matching.symbol_state, settlement.queues.
create or replace function matching.open_symbol(
  p_segment_id int,
  p_symbol_id int
) returns void
language sql volatile
as $$
  insert into matching.symbol_state (segment_id, symbol_id)
  values (p_segment_id, p_symbol_id);

  select settlement.open_queue(
    p_segment_id, p_symbol_id, p_symbol_id * 1000000000000, (p_symbol_id + 1) * 1000000000000 - 1
  )
$$;
comment on function matching.open_symbol is 'opens a symbol for trading';
