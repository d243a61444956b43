-- Stops the symbols of a group as a level of its breaker says: those in continuous trading go into
-- a call, or all that are active are halted [MAT-083]. Returns the symbols that it stopped, in the
-- order of their ids. Locks: all these symbols in that order, then accounts, once. Writes: all that
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
  v_due matching.executed;
  v_time timestamptz;
  v_changes ledger.account_change[];
  v_stopped text[] := '{}';
begin
  for v_symbol in
    select s.* from reference.symbols as s where s.symbol_id = any (v_ids) order by s.symbol_id
  loop
    perform matching.lock_symbol(v_symbol.segment_id, v_symbol.symbol_id);
  end loop;

  foreach v_id in array v_ids loop
    select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = v_id;
    v_state := matching.lock_symbol(v_symbol.segment_id, v_id);
    continue when v_symbol.status <> 'ACTIVE';

    v_time := greatest(p_at, v_state.last_at);
    v_due := matching.move_symbol(v_symbol, v_state, v_time, null);
    v_changes := ledger.add_changes(v_changes, v_due.changes);
    if p_level.action = 'HALT' then
      v_changes := ledger.add_changes(v_changes, matching.set_status(
        v_symbol, v_due.state, 'HALTED', 'the index fell past level ' || p_level.level_no, v_time
      ));
      v_stopped := v_stopped || v_symbol.symbol;
    elsif (v_due.state).phase = 'CONTINUOUS' then
      v_changes := ledger.add_changes(v_changes, (matching.move_symbol(
        v_symbol, v_due.state, v_time, matching.plan_phase(
          v_symbol, 'CALL', v_time, 'BREAKER', v_time + p_level.call_time
        )
      )).changes);
      v_stopped := v_stopped || v_symbol.symbol;
    end if;
  end loop;
  perform matching.make_changes(v_symbol.segment_id, v_changes);
  return v_stopped;
end;
$$;
comment on function matching.stop_group is 'stops the symbols of a group as a level says';
