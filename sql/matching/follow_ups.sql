-- What follows from a part of a batch, or from a change of phase, as commands of the venue's own,
-- each sequenced for itself: at once what lists ask for, instead of what they asked for of the same
-- order before; then what was to follow already; then the stop orders that fired [MAT-057], as many
-- as a batch may fire [MAT-085]. A trade outside the band keeps these from firing [MAT-082], and so
-- does an uncrossing that closes; its price moves trailing stops as any other does [MAT-051]. At a
-- symbol that is delisted nothing follows.
create or replace function matching.follow_ups(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_outcome matching.outcome,
  p_queue matching.queue
) returns matching.queue
language plpgsql volatile
as $$
declare
  v_queue matching.queue := p_queue;
  v_fired matching.command[];
  v_lists matching.command[];
begin
  if p_symbol.status = 'DELISTED' then
    return v_queue;
  end if;
  if p_outcome.is_linked then
    v_lists := matching.list_commands(p_symbol, p_outcome);
    v_queue.commands := v_lists || array(
      select c
      from unnest(v_queue.commands) as c
      where c.op = 'CANCEL'
        or c.order_id <> all (array(select l.order_id from unnest(v_lists) as l))
    );
  end if;
  if p_outcome.fills is not null and p_state.phase = 'CONTINUOUS' then
    v_fired := matching.fire_stops(
      p_symbol, p_outcome.fills, matching.trade_sources(p_symbol, p_now),
      (v_queue).commands || (v_queue).stops
    );
    v_queue := matching.queue_stops(v_queue, v_fired, p_symbol.max_cascade);
  elsif p_outcome.fills is not null then
    perform matching.trail_stops(
      p_symbol, p_outcome.fills, matching.trade_sources(p_symbol, p_now)
    );
  end if;
  if p_outcome.is_breached then
    v_queue.stops := '{}';
  end if;
  return v_queue;
end;
$$;
comment on function matching.follow_ups is 'what follows from a part of a batch, as commands';
