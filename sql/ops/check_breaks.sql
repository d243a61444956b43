-- One pass of the continuous check of trades, obligations and journals [OPS-001]: what is new in
-- each symbol and in the journals, what accounts hold for what is open, and of what is old a piece
-- in turn. Where a row was changed that never is, or a hold has no cause, all that is old is
-- checked again: call it until it is not behind. What it finds is in v_breaks, until it is there no
-- more. Takes how many events of a symbol, and transfers, a pass may take. Returns how many breaks
-- are new, and closed. Does nothing while another process is at it.
-- Locks: advisory (6, segment), only tried. Writes: ops.breaks, ops.break_cursors.
create or replace function ops.check_breaks(
  p_segment_id int default 1,
  p_now timestamptz default now(),
  p_limit int default 20000,
  out opened int,
  out closed int,
  out is_behind boolean
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_lock_space constant int := 6;
  v_writes text := ops.fact_writes();
  v_part record;
  v_pass record;
begin
  opened := 0;
  closed := 0;
  is_behind := false;
  if not pg_try_advisory_xact_lock(c_lock_space, p_segment_id) then
    return;
  end if;
  closed := ops.close_breaks(p_segment_id, p_now);
  opened := ops.record_breaks(p_segment_id, -1, 0, 0, p_now);
  if opened > 0 then
    update ops.break_cursors as c
    set again_no = 0,
      again_until = c.checked_no
    where c.segment_id = p_segment_id;
  end if;

  insert into ops.break_cursors (segment_id, part_id, writes)
  select p_segment_id, s.symbol_id, v_writes
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
  union all
  select p_segment_id, 0, v_writes
  on conflict do nothing;
  for v_part in
    select c as cursor, coalesce(s.last_seq, l.last_finality_no) as last_no
    from ops.break_cursors as c
    join ledger.segment_state as l
      on l.segment_id = c.segment_id
    left join matching.symbol_state as s
      on s.segment_id = c.segment_id
      and s.symbol_id = c.part_id
    where c.segment_id = p_segment_id
    order by c.part_id
  loop
    v_pass := ops.check_part(v_part.cursor, v_part.last_no, v_writes, p_now, p_limit);
    opened := opened + v_pass.opened;
    is_behind := is_behind or v_pass.is_behind;
  end loop;
end;
$$;
comment on function ops.check_breaks is
  'check_breaks(): checks what is new of trades, obligations and journals; see v_breaks';
revoke execute on function ops.check_breaks from public;
grant execute on function ops.check_breaks to pgsettle_worker, pgsettle_operator;
