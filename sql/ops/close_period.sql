-- Closes the books up to a time, from where they were closed last: nothing is posted into the
-- period any more [LED-030], and its pack is the same at any time [LED-032].
--   select close_period('2026-03-03');
-- Takes the end, which is not in the period. Returns the number of the period.
-- Locks: the segment's row of ledger.segment_state. Writes: ledger.periods, ops.period_cuts.
-- Raises: IVOPR, IVPER, STPER.
create or replace function ops.close_period(
  p_until timestamptz,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns int -- period number
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_period ledger.periods := ledger.close_period(p_segment_id, p_until, p_by, p_now);
begin
  insert into ops.period_cuts (segment_id, period_no, symbol_id, after_seq, last_seq)
  select
    p_segment_id, v_period.period_no, s.symbol_id,
    coalesce((
      select c.last_seq
      from ledger.periods as p
      join ops.period_cuts as c
        on c.segment_id = p.segment_id
        and c.period_no = p.period_no
        and c.symbol_id = s.symbol_id
      where p.segment_id = p_segment_id
        and p.ends_at = v_period.starts_at
        and p.reopened_at is null
    ), 0),
    s.last_seq
  from matching.symbol_state as s
  where s.segment_id = p_segment_id;
  return v_period.period_no;
end;
$$;
comment on function ops.close_period is
  'close_period(until): nothing is posted with an earlier time any more; returns the period';
revoke execute on function ops.close_period from public;
grant execute on function ops.close_period to pgsettle_operator;
