-- Closes the period from the end of the last closed one up to p_until [LED-030]. What is posted
-- from now on has a later time; what was, has a number up to last_finality_no. Nothing is counted
-- here, so the lock is held for a moment: see ops.seal_periods.
-- Takes the end, which is not in the period, and who closes it. Returns the period.
-- Locks: the segment's row of ledger.segment_state. Writes: it, ledger.periods.
-- Raises: IVOPR, IVPER (the end is in the future), STPER (it is closed already).
create or replace function ledger.close_period(
  p_segment_id int,
  p_until timestamptz,
  p_by text,
  p_now timestamptz
) returns ledger.periods
language plpgsql volatile
as $$
declare
  v_state ledger.segment_state;
  v_period ledger.periods;
begin
  perform ledger.refuse_operator(p_by);
  if (p_until <= p_now and p_until > '-infinity') is not true then
    raise exception 'a period is closed when it has ended'
      using errcode = 'IVPER', hint = 'BAD_PERIOD', column = 'until';
  end if;

  select s.* into strict v_state
  from ledger.segment_state as s
  where s.segment_id = p_segment_id
  for no key update of s;
  if p_until <= v_state.closed_until then
    raise exception 'the period up to % is closed', v_state.closed_until
      using errcode = 'STPER', hint = 'PERIOD_CLOSED';
  end if;

  update ledger.segment_state as s
  set closed_until = p_until
  where s.segment_id = p_segment_id;
  insert into ledger.periods (
    segment_id, period_no, starts_at, ends_at, last_finality_no, closed_at, closed_by
  )
  select
    p_segment_id, coalesce(max(p.period_no), 0) + 1, v_state.closed_until, p_until,
    v_state.last_finality_no, p_now, p_by
  from ledger.periods as p
  where p.segment_id = p_segment_id
  returning * into strict v_period;
  return v_period;
end;
$$;
comment on function ledger.close_period is
  'closes the period up to a time: nothing is posted with an earlier one';
