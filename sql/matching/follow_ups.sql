-- What follows from a part of a batch, as commands of the venue's own, each sequenced for itself:
-- at once what lists ask for; then what was to follow already; then the stop orders that fired
-- [MAT-050]. Under the lock of the symbol.
-- Writes: how far trailing stops have come.
create or replace function matching.follow_ups(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_outcome matching.outcome,
  p_queue matching.command[]
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_lists matching.command[] := '{}';
  v_fired matching.command[] := '{}';
begin
  if p_outcome.is_linked then
    v_lists := matching.list_commands(p_symbol, p_outcome);
  end if;
  if p_outcome.fills is not null and p_state.phase = 'CONTINUOUS' then
    v_fired := matching.fire_stops(
      p_symbol, p_outcome.fills, matching.trade_sources(p_symbol, p_now)
    );
  end if;
  return v_lists || p_queue || v_fired;
end;
$$;
comment on function matching.follow_ups is 'what follows from a part of a batch, as commands';
