-- Opens a symbol for trading: its counters and its lock. Writes: matching.symbol_state.
create or replace function matching.open_symbol(
  p_segment_id int,
  p_symbol_id int
) returns void
language sql volatile
as $$
  insert into matching.symbol_state (segment_id, symbol_id)
  values (p_segment_id, p_symbol_id)
$$;
comment on function matching.open_symbol is 'opens a symbol for trading';
