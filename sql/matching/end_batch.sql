-- The state of a symbol at the end of a batch; in a call, what it would give is told first
-- [MAT-078]. Takes the state from before the batch, too. Writes: as matching.publish_indicative.
create or replace function matching.end_batch(
  p_symbol reference.symbols,
  p_before matching.symbol_state,
  p_state matching.symbol_state,
  p_now timestamptz
) returns matching.symbol_state
language plpgsql volatile
as $$
declare
  v_state matching.symbol_state := p_state;
begin
  v_state.last_at := p_now;
  if v_state.phase = 'CALL' and v_state.last_seq > p_before.last_seq then
    v_state.last_seq := matching.publish_indicative(p_symbol, v_state, p_before.last_seq, p_now);
  end if;
  return v_state;
end;
$$;
comment on function matching.end_batch is 'the state of a symbol at the end of a batch';
