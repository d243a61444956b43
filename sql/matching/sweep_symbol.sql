-- Does what is due at a symbol, in one transaction [MAT-065]. When the symbol is busy it does
-- nothing: whoever has its lock begins with what is due, or a next sweep finds it. Any number of
-- sweeps may run at once.
-- Returns whether there are new events.
-- Locks and writes: see matching.execute_due. Raises: STISO when not READ COMMITTED.
create or replace function matching.sweep_symbol(
  p_segment_id int,
  p_symbol_id int,
  p_now timestamptz
) returns boolean -- whether there are new events
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_lock_space constant int := 1;  -- as in matching.lock_symbol
  v_state matching.symbol_state;
  v_executed matching.executed;
begin
  if not pg_try_advisory_xact_lock(c_lock_space, p_symbol_id) then
    return false;
  end if;
  v_state := matching.lock_symbol(p_segment_id, p_symbol_id);
  if p_symbol_id not in (select d.id from matching.due_symbols(p_segment_id, p_now) as d (id)) then
    return false;
  end if;

  v_executed := matching.execute_due(p_segment_id, p_symbol_id, p_now);
  return (v_executed.state).last_seq > v_state.last_seq;
end;
$$;
comment on function matching.sweep_symbol is 'does what is due at a symbol, unless it is busy';
revoke execute on function matching.sweep_symbol from public;
grant execute on function matching.sweep_symbol to pgsettle_worker;
