-- Does what is due at a symbol, then takes it into the phase of a plan, if one is given, with all
-- that follows. A plan with a reason but no phase says that the symbol is to be active no more:
-- what was accepted for later stays. Takes the state as it is under the lock.
-- Returns what was done: the state behind it, which is written, and the changes of accounts, which
-- are for the caller to make, last. Writes: all else that a batch writes.
create or replace function matching.move_symbol(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_plan matching.phase_plan
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_batch matching.batch := matching.parse_commands(p_symbol, '{}');
  v_done matching.executed;
begin
  v_batch.order_ids := '{}';
  v_done := matching.run_batch(p_symbol, p_state, p_now, '{}', v_batch, p_plan);
  perform matching.save_state(v_done.state);
  return v_done;
end;
$$;
comment on function matching.move_symbol is
  'does what is due at a symbol, then takes it into the phase of a plan';
