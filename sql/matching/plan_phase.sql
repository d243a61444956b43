-- The plan of a phase that a symbol enters at p_at. When the caller does not say when it ends, its
-- calendar says when, and what follows; when he does and not what follows, that is what the
-- calendar says for its end, CONTINUOUS without one [MAT-075]. A call lasts longer than announced
-- by what is drawn: p_draw, from 0 to 1, of the symbol's most; a random number when null [MAT-076].
-- Reads only.
create or replace function matching.plan_phase(
  p_symbol reference.symbols,
  p_phase reference.symbol_phase,
  p_at timestamptz,
  p_reason text,
  p_end_at timestamptz default null,
  p_next reference.symbol_phase default null,
  p_draw numeric default null
) returns matching.phase_plan
language plpgsql volatile
as $$
declare
  v_plan matching.phase_plan;
begin
  v_plan.phase := p_phase;
  v_plan.reason := p_reason;
  v_plan.extension_count := 0;
  if p_end_at is null then
    select n.phase, n.at into v_plan.phase_next, v_plan.phase_end_at
    from reference.next_phase(p_symbol.calendar_id, p_at) as n;
  else
    v_plan.phase_end_at := p_end_at;
    v_plan.phase_next := coalesce(p_next, reference.phase_at(p_symbol.calendar_id, p_end_at));
  end if;
  v_plan.phase_until := v_plan.phase_end_at;
  if p_phase = 'CALL' and p_symbol.auction_random > '0' and isfinite(v_plan.phase_end_at) then
    v_plan.phase_until := v_plan.phase_end_at
      + p_symbol.auction_random * coalesce(p_draw, random()::numeric);
  end if;
  return v_plan;
end;
$$;
comment on function matching.plan_phase is 'the plan of a phase that a symbol enters';
