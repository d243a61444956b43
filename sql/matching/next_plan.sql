-- The plan of what follows a phase that is over at p_at. A call whose price would be too far from
-- the reference price (that of the band, or else the last trade's) goes on instead, as often as the
-- symbol allows [MAT-077]: by the rate that is set for that, or else by the rate of its band.
-- Takes the draw of a call, null for a random one. Reads only.
create or replace function matching.next_plan(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_draw numeric default null
) returns matching.phase_plan
language plpgsql volatile
as $$
declare
  v_reference numeric := coalesce(matching.reference_price(p_state, p_at), p_state.last_price);
  v_rate numeric := coalesce(p_symbol.auction_extension_rate, p_symbol.band_rate);
  v_plan matching.phase_plan;
begin
  if p_state.phase = 'CALL'
    and p_state.phase_next in ('CONTINUOUS', 'CLOSED')
    and p_state.extension_count < p_symbol.auction_max_extensions
    and abs((matching.uncrossing(
      p_symbol, coalesce(p_state.last_price, v_reference), p_state.phase_next = 'CLOSED', p_at
    )).price - v_reference) > v_reference * v_rate
  then
    v_plan := matching.plan_phase(
      p_symbol, 'CALL', p_at, 'EXTENDED', p_at + p_symbol.auction_extension_time,
      p_state.phase_next, p_draw
    );
    v_plan.extension_count := p_state.extension_count + 1;
    return v_plan;
  end if;
  return matching.plan_phase(
    p_symbol, coalesce(p_state.phase_next, p_state.phase), p_at, 'SCHEDULE', null, null, p_draw
  );
end;
$$;
comment on function matching.next_plan is 'the plan of what follows a phase that is over';
