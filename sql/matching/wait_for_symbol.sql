-- Waits in line for a symbol and gives commands back as they are by then: a deadline that passed
-- meanwhile has passed at p_now [MAT-054]. The time of a batch was taken before it came into the
-- line and does not tell how long that took, so this one function looks at the clock. Who does not
-- have to wait has not waited, however slow the machine is. The deadline itself is what is moved,
-- so that the command log keeps what decided, and a replay needs no clock.
-- Locks: advisory (1, symbol_id), as matching.lock_symbol does behind it. Writes nothing.
create or replace function matching.wait_for_symbol(
  p_symbol_id int,
  p_now timestamptz,
  p_commands matching.command[]
) returns matching.command[]
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 1;
  v_commands matching.command[] := p_commands;
  v_since timestamptz;
  v_late_at timestamptz;
begin
  if not exists (select from unnest(p_commands) as c where c.deadline > p_now)
    or pg_try_advisory_xact_lock(c_lock_space, p_symbol_id) then
    return p_commands;
  end if;

  v_since := clock_timestamp();
  perform pg_advisory_xact_lock(c_lock_space, p_symbol_id);
  v_late_at := p_now + (clock_timestamp() - v_since);
  for v_no in 1..cardinality(p_commands) loop
    if v_commands[v_no].deadline <= v_late_at then
      v_commands[v_no].deadline := least(v_commands[v_no].deadline, p_now);
    end if;
  end loop;
  return v_commands;
end;
$$;
comment on function matching.wait_for_symbol is
  'waits for a symbol and lets the deadlines pass that have passed by then';
