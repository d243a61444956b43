-- The open window of a netting set, locked so that it does not close before this transaction ends:
-- what joins it is in it, and in no other [CLR-004]. The first to come after a close opens the
-- next. Locks: the window's row, for share. Writes: clearing.windows.
create or replace function clearing.open_window(
  p_segment_id int,
  p_netting_set text,
  p_now timestamptz
) returns bigint -- window id
language plpgsql volatile
as $$
declare
  v_window_id bigint;
begin
  loop
    select w.window_id into v_window_id
    from clearing.windows as w
    where w.segment_id = p_segment_id
      and w.netting_set = p_netting_set
      and w.closed_at is null
    for share;
    if found then
      return v_window_id;
    end if;

    insert into clearing.windows (segment_id, netting_set, opened_at)
    values (p_segment_id, p_netting_set, p_now)
    on conflict do nothing;
  end loop;
end;
$$;
comment on function clearing.open_window is 'the open window of a netting set, kept from closing';
