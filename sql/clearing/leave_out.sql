-- Takes a participant that cannot pay out of a window: all of its instructions that are not
-- prefunded go into the set's next window, with their dates [CLR-006]. What is prefunded stays: it
-- can be paid. Returns how many went.
-- Locks: the next window. Writes: settlement.waiting_instructions, events, clearing.windows.
create or replace function clearing.leave_out(
  p_window clearing.windows,
  p_participant_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_next_id bigint := clearing.open_window(p_window.segment_id, p_window.netting_set, p_now);
  v_count int;
begin
  with moved as (
    update settlement.waiting_instructions as i
    set window_id = v_next_id,
      attempts = i.attempts + 1
    where i.segment_id = p_window.segment_id
      and i.window_id = p_window.window_id
      and p_participant_id in (i.buyer_id, i.seller_id)
      and not i.is_prefunded
    returning i.instruction_id
  ), told as (
    insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
    select p_window.segment_id, m.instruction_id, p_now, 'LEFT_OUT', 'window ' || p_window.window_id
    from moved as m
  )
  select count(*) into v_count
  from moved as m;
  return v_count;
end;
$$;
comment on function clearing.leave_out is 'takes a participant that cannot pay out of a window';
