-- A step behind a part of a batch: the queue without what is done of it and with what follows, the
-- prices at which the next stop orders fire, and why trading is to be interrupted. Under the lock
-- of the symbol. Writes: how far trailing stops have come.
create or replace function matching.follow_part(
  p_symbol reference.symbols,
  p_step matching.step,
  p_outcome matching.outcome,
  p_follows boolean
) returns matching.step
language plpgsql volatile
as $$
declare
  v_step matching.step := p_step;
  v_count int := cardinality((p_step.queue).commands);
begin
  v_step.queue.stops := (v_step.queue).stops[1 + greatest(p_outcome.done - v_count, 0):];
  v_step.queue.commands := (v_step.queue).commands[1 + p_outcome.done:];
  if p_follows then
    v_step.queue := matching.follow_ups(
      p_symbol, v_step.state, v_step.at, p_outcome, v_step.queue
    );
    v_step.state := matching.watch_state(p_symbol, v_step.state);
  end if;
  v_step.reason := matching.interrupt_reason(v_step.state, p_outcome, v_step.queue);
  return v_step;
end;
$$;
comment on function matching.follow_part is 'a step behind a part of a batch';
