-- Whether a symbol is in a call that leads to its close. While it is halted, that call is not held.
-- Reads nothing; is inlined.
create or replace function matching.is_in_close(
  p_symbol reference.symbols,
  p_state matching.symbol_state
) returns boolean
language sql immutable
as $$
  select p_symbol.status = 'ACTIVE'
    and p_state.phase = 'CALL'
    and coalesce(p_state.phase_next = 'CLOSED', false)
$$;
comment on function matching.is_in_close is 'whether a symbol is in a call that leads to its close';
