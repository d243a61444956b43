-- Opens the queue of a symbol whose trades have ids above p_first_id, up to p_last_id.
-- Writes: settlement.queues.
create or replace function settlement.open_queue(
  p_segment_id int,
  p_symbol_id int,
  p_first_id bigint,
  p_last_id bigint
) returns void
language sql volatile
as $$
  insert into settlement.queues (segment_id, symbol_id, low_id, high_id)
  values (p_segment_id, p_symbol_id, p_first_id, p_last_id)
$$;
comment on function settlement.open_queue is 'opens the queue of a symbol';
