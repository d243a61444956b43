-- What a worker does for netting, one transaction: closes windows whose time is over, lets what is
-- due join its window, and settles one closed window, the oldest. One that cannot be posted is put
-- off for a minute with its problem. Returns how many joined and how many instructions were
-- settled. Locks and writes: as clearing.settle_window.
create or replace function clearing.run_windows(
  p_segment_id int,
  p_now timestamptz,
  out joined int,
  out settled int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_window_id bigint;
begin
  joined := clearing.join_windows(p_segment_id, p_now);

  perform clearing.close_window(p_segment_id, w.netting_set, p_now)
  from clearing.windows as w
  join clearing.netting_sets as s
    on s.segment_id = w.segment_id
    and s.netting_set = w.netting_set
  where w.segment_id = p_segment_id
    and w.closed_at is null
    and w.opened_at + s.window_length <= p_now;

  select w.window_id into v_window_id
  from clearing.windows as w
  where w.segment_id = p_segment_id
    and w.closed_at is not null
    and w.settled_at is null
    and w.next_attempt_at <= p_now
  order by w.closed_at, w.window_id
  limit 1;
  begin
    settled := coalesce(clearing.settle_window(p_segment_id, v_window_id, p_now), 0);
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    settled := 0;
    update clearing.windows as w
    set problem = left(sqlstate || ' ' || sqlerrm, 500),
      next_attempt_at = p_now + interval '1 minute'
    where w.segment_id = p_segment_id
      and w.window_id = v_window_id;
  end;
end;
$$;
comment on function clearing.run_windows is 'closes windows that are over, and settles one';
revoke execute on function clearing.run_windows from public;
grant execute on function clearing.run_windows to pgsettle_worker;
