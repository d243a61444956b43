-- Takes a symbol from the phase that is over at p_at into the one that follows. A call whose price
-- would be too far from the reference price goes on instead, as often as the symbol allows
-- [MAT-077]; the reference price is the one of the band, or else the last trade's.
-- Returns what enter_phase returns. Locks and writes as it does.
create or replace function matching.end_phase(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_draw numeric default null
) returns matching.outcome
language plpgsql volatile
as $$
declare
  v_reference numeric := coalesce(
    matching.reference_price(p_state, p_at), p_state.last_price
  );
  v_plan matching.phase_plan;
begin
  if p_state.phase = 'CALL'
    and p_state.phase_next in ('CONTINUOUS', 'CLOSED')
    and p_state.extension_count < p_symbol.auction_max_extensions
    and abs((matching.uncrossing(
      p_symbol, coalesce(p_state.last_price, v_reference), p_state.phase_next = 'CLOSED', p_at
    )).price - v_reference) > v_reference * p_symbol.auction_extension_rate
  then
    v_plan := matching.plan_phase(
      p_symbol, 'CALL', p_at, 'EXTENDED', p_at + p_symbol.auction_extension_time,
      p_state.phase_next, p_draw
    );
    v_plan.extension_count := p_state.extension_count + 1;
  else
    v_plan := matching.plan_phase(
      p_symbol, coalesce(p_state.phase_next, p_state.phase), p_at, 'SCHEDULE', null, null, p_draw
    );
  end if;
  return matching.enter_phase(p_symbol, p_state, p_at, v_plan);
end;
$$;
comment on function matching.end_phase is 'takes a symbol from a phase that is over into the next';
