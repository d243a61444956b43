-- Closes the open window of a netting set. Who was about to join it has joined before; who comes
-- later finds another [CLR-004]. Returns its id, null when none is open.
-- Locks: the window's row; waits for those who join it. Writes: clearing.windows.
create or replace function clearing.close_window(
  p_segment_id int,
  p_netting_set text,
  p_now timestamptz
) returns bigint -- window id
language sql volatile
as $$
  update clearing.windows as w
  set closed_at = p_now
  where w.segment_id = p_segment_id
    and w.netting_set = p_netting_set
    and w.closed_at is null
  returning w.window_id
$$;
comment on function clearing.close_window is 'closes the open window of a netting set';
