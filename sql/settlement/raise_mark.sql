-- Moves the mark of a symbol's queue up to its first instruction that is left, so that later claims
-- do not walk past rows that are gone: while an old transaction is open nothing can remove those
-- [SET-005]. A symbol's trades commit in the order of their ids, under its lock: below one that is
-- seen none can come, but by settlement.bring_back, which moves the mark down under the same lock.
-- Writes and locks: its row of settlement.queues, SKIP LOCKED; read after the lock.
create or replace function settlement.raise_mark(
  p_segment_id int,
  p_symbol_id int
) returns void
language plpgsql volatile
as $$
declare
  v_queue settlement.queues;
  v_first_id bigint;
begin
  select q.* into v_queue
  from settlement.queues as q
  where q.segment_id = p_segment_id
    and q.symbol_id = p_symbol_id
  for update skip locked;
  if not found then
    return;
  end if;

  select i.instruction_id into v_first_id
  from settlement.pending_instructions as i
  where i.segment_id = p_segment_id
    and i.instruction_id > v_queue.low_id
    and i.instruction_id <= v_queue.high_id
  order by i.instruction_id
  limit 1;

  update settlement.queues as q
  set low_id = v_first_id - 1
  where q.segment_id = p_segment_id
    and q.symbol_id = p_symbol_id
    and q.low_id < v_first_id - 1;
end;
$$;
comment on function settlement.raise_mark is 'moves the mark of a queue up to what is left in it';
