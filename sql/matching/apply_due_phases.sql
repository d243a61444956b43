-- Makes the changes of phase that are due by p_now, in their order and each at its own time, so
-- that what happens does not depend on when somebody came to do it [MAT-075]. None is due while the
-- symbol is not active. For one change at a time, call matching.end_phase as it is called here:
-- what follows from its trades then comes before the next.
-- Takes the state as it is under the lock; returns the state that it leads to.
-- Locks and writes as matching.enter_phase.
create or replace function matching.apply_due_phases(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz
) returns matching.symbol_state
language plpgsql volatile
as $$
begin
  while p_symbol.status = 'ACTIVE' and p_state.phase_until <= p_now loop
    perform matching.end_phase(
      p_symbol, p_state, greatest(p_state.phase_until, p_state.last_at)
    );
    select s.* into strict p_state
    from matching.symbol_state as s
    where s.segment_id = p_symbol.segment_id
      and s.symbol_id = p_symbol.symbol_id;
  end loop;
  return p_state;
end;
$$;
comment on function matching.apply_due_phases is
  'makes the changes of phase that are due, in their order, each at its own time';
