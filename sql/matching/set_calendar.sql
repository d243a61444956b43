-- Gives a symbol a calendar, or takes it away (null: it trades always), or follows the one it has
-- when that has changed; and takes it where that leads, unless it is not active: then it goes there
-- when it is resumed.
-- Locks: the symbol, accounts. Writes: reference.symbols and all that a batch writes.
create or replace function matching.set_calendar(
  p_symbol_id int,
  p_calendar_id int,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_state matching.symbol_state;
  v_due matching.executed;
  v_at timestamptz;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_at := greatest(p_now, v_state.last_at);
  v_due := matching.move_symbol(v_symbol, v_state, v_at, null);
  v_state := v_due.state;

  update reference.symbols as s
  set calendar_id = p_calendar_id
  where s.symbol_id = p_symbol_id
  returning s.* into v_symbol;
  if v_symbol.status = 'ACTIVE' then
    v_due.changes := ledger.add_changes(v_due.changes, (matching.move_symbol(
      v_symbol, v_state, v_at, case
        when p_calendar_id is null
          then matching.plan_phase(v_symbol, 'CONTINUOUS', v_at, 'CALENDAR')
        else matching.calendar_plan(v_symbol, v_state, v_at, 'CALENDAR') end
    )).changes);
  end if;
  perform matching.make_changes(v_symbol.segment_id, v_due.changes);
end;
$$;
comment on function matching.set_calendar is
  'gives a symbol a calendar and takes it where that leads';
