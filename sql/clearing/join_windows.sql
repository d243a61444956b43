-- Lets what is due by its date join the open window of its netting set. Returns how many joined.
-- Locks: the rows, SKIP LOCKED, and the windows. Writes: settlement.waiting_instructions.
create or replace function clearing.join_windows(
  p_segment_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_set text;
  v_window_id bigint;
  v_some int;
  v_count int := 0;
begin
  for v_set in
    select distinct i.netting_set
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.status <> 'FAILED'
      and i.next_attempt_at <= p_now
      and i.netting_set is not null
  loop
    v_window_id := clearing.open_window(p_segment_id, v_set, p_now);
    with due as (
      select i.instruction_id
      from settlement.waiting_instructions as i
      where i.segment_id = p_segment_id
        and i.status <> 'FAILED'
        and i.next_attempt_at <= p_now
        and i.netting_set = v_set
      for update skip locked
    )
    update settlement.waiting_instructions as i
    set window_id = v_window_id,
      reason = 'NETTING',
      next_attempt_at = 'infinity'
    from due as d
    where i.segment_id = p_segment_id
      and i.instruction_id = d.instruction_id;
    get diagnostics v_some = row_count;
    v_count := v_count + v_some;
  end loop;
  return v_count;
end;
$$;
comment on function clearing.join_windows is 'lets what is due join its window';
