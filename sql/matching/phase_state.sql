-- The state of a symbol behind a change of phase. An uncrossing sets the reference price [MAT-081].
-- Reads only.
create or replace function matching.phase_state(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_plan matching.phase_plan,
  p_outcome matching.outcome
) returns matching.symbol_state
language plpgsql volatile
as $$
declare
  v_state matching.symbol_state := p_state;
begin
  v_state.last_seq := p_outcome.last_seq;
  v_state.last_at := p_at;
  v_state.phase := p_plan.phase;
  v_state.phase_next := p_plan.phase_next;
  v_state.phase_end_at := p_plan.phase_end_at;
  v_state.phase_until := p_plan.phase_until;
  v_state.extension_count := p_plan.extension_count;
  if p_outcome.last_price is not null then
    v_state.last_price := p_outcome.last_price;
    v_state.reference_price := p_outcome.last_price;
    v_state.reference_at := p_at;
    v_state.price_sum := 0;
    v_state.price_count := 0;
  end if;
  v_state.next_due_at := matching.due_at(p_symbol, v_state);
  return matching.roll_band(p_symbol, v_state, p_at, null);
end;
$$;
comment on function matching.phase_state is 'the state of a symbol behind a change of phase';
