-- Puts the stop orders that fired behind those that fired before, each with what ends its list:
-- up to as many as may fire in a batch; those that are beyond wait on, and the batch is over
-- [MAT-085]. Reads nothing.
create or replace function matching.queue_stops(
  p_queue matching.queue,
  p_fired matching.command[],
  p_most int
) returns matching.queue
language plpgsql immutable
as $$
declare
  v_queue matching.queue := p_queue;
  v_turn matching.command[] := '{}';
  v_command matching.command;
begin
  foreach v_command in array p_fired loop
    v_turn := v_turn || v_command;
    continue when v_command.op <> 'RELEASE';
    if v_queue.fired_count < p_most then
      v_queue.stops := v_queue.stops || v_turn;
      v_queue.fired_count := v_queue.fired_count + 1;
    else
      v_queue.is_over := true;
    end if;
    v_turn := '{}';
  end loop;
  return v_queue;
end;
$$;
comment on function matching.queue_stops is 'puts the stop orders that fired into the queue';
