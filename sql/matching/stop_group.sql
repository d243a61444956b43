-- Stops the symbols of a group as a level of its breaker says: those in continuous trading go into
-- a call, or all that are active are halted [MAT-083]. Returns the symbols that it stopped, in the
-- order of their ids. Locks: these symbols in that order, each with its accounts. Writes: all that
-- a batch writes; reference.symbols.
create or replace function matching.stop_group(
  p_level reference.breaker_levels,
  p_at timestamptz
) returns text[]
language plpgsql volatile
as $$
declare
  v_ids int[] := array(
    select s.symbol_id
    from reference.symbols as s
    where s.group_id = p_level.group_id
    order by s.symbol_id
  );
  v_id int;
  v_symbol reference.symbols;
  v_state matching.symbol_state;
  v_time timestamptz;
  v_stopped text[] := '{}';
begin
  foreach v_id in array v_ids loop
    select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = v_id;
    v_state := matching.lock_symbol(v_symbol.segment_id, v_id);
    select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = v_id;
    continue when v_symbol.status <> 'ACTIVE';

    v_time := greatest(p_at, v_state.last_at);
    v_state := matching.apply_due_phases(v_symbol, v_state, v_time);
    if p_level.action = 'HALT' then
      perform matching.set_status(
        v_id, 'HALTED', 'the index fell past level ' || p_level.level_no, v_time
      );
    elsif matching.interrupt(v_symbol, v_state, v_time, 'BREAKER', p_level.call_time) is null then
      continue;
    end if;
    v_stopped := v_stopped || v_symbol.symbol;
  end loop;
  return v_stopped;
end;
$$;
comment on function matching.stop_group is 'stops the symbols of a group as a level says';
