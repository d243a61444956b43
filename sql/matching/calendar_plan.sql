-- The plan that takes a symbol where its calendar says for p_at [MAT-075]. A call that has not
-- ended yet is left as it is while the calendar says CONTINUOUS: it leads there. Without a calendar
-- the symbol stays in its phase, as planned. Reads only.
create or replace function matching.calendar_plan(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_reason text
) returns matching.phase_plan
language plpgsql volatile
as $$
declare
  v_phase reference.symbol_phase := reference.phase_at(p_symbol.calendar_id, p_at);
begin
  if p_symbol.calendar_id is null
    or p_state.phase = 'CALL' and p_state.phase_until > p_at and v_phase = 'CONTINUOUS' then
    return row(
      p_state.phase, p_reason, p_state.phase_next, p_state.phase_end_at, p_state.phase_until,
      p_state.extension_count
    )::matching.phase_plan;
  end if;

  return matching.plan_phase(p_symbol, v_phase, p_at, p_reason);
end;
$$;
comment on function matching.calendar_plan is
  'the plan that takes a symbol where its calendar says';
