-- Interrupts continuous trading by a call of the symbol's band_auction_time [MAT-082]: why is told
-- in the event (VOLATILITY, CASCADE, BREAKER). It leads to what the calendar says for its end.
-- Takes the state as it is under the lock, and how long, when that is another time. Returns what
-- became of orders; null, with nothing done, when the symbol is not in continuous trading.
-- Locks and writes as matching.enter_phase.
create or replace function matching.interrupt(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_reason text,
  p_time interval default null,
  p_draw numeric default null
) returns matching.outcome
language plpgsql volatile
as $$
begin
  if p_symbol.status <> 'ACTIVE' or p_state.phase <> 'CONTINUOUS' then
    return null;
  end if;

  return matching.enter_phase(p_symbol, p_state, p_at, matching.plan_phase(
    p_symbol, 'CALL', p_at, p_reason, p_at + coalesce(p_time, p_symbol.band_auction_time), null,
    p_draw
  ));
end;
$$;
comment on function matching.interrupt is 'interrupts continuous trading by a call';
