-- Commands with the time at which their orders of the day end: when the session closes that they
-- are entered in [REF-003], or, in a call that closes it, as that was announced [MAT-079].
-- Takes the commands of a batch that says more than plain ones do. Reads only.
create or replace function matching.date_commands(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[]
) returns matching.command[]
language plpgsql stable
as $$
declare
  v_commands matching.command[] := p_commands;
  v_close_at timestamptz;
begin
  if not exists (select from unnest(p_commands) as c where c.time_in_force = 'DAY') then
    return p_commands;
  end if;

  v_close_at := reference.session_close(p_symbol.calendar_id, p_now);
  if matching.is_in_close(p_symbol, p_state) and p_state.phase_until > p_now then
    v_close_at := least(v_close_at, p_state.phase_end_at);
  end if;
  for v_no in 1..cardinality(v_commands) loop
    if v_commands[v_no].op = 'PLACE' and v_commands[v_no].time_in_force = 'DAY' then
      v_commands[v_no].expire_at := v_close_at;
    end if;
  end loop;
  return v_commands;
end;
$$;
comment on function matching.date_commands is
  'commands with the time at which their orders of the day end';
