-- The next change of a calendar behind a moment: to which phase, and when [REF-001]. Takes the
-- phase to look for, or null for any. Null and infinity where there is no calendar, or none comes
-- within 400 days. Reads only.
create or replace function reference.next_phase(
  p_calendar_id int,
  p_at timestamptz,
  p_phase reference.symbol_phase default null,
  out phase reference.symbol_phase,
  out at timestamptz
)
language plpgsql stable
as $$
declare
  v_days int;
begin
  at := 'infinity';
  if p_calendar_id is null then
    return;
  end if;

  -- Two weeks nearly always have it: 1 ms, where 400 days take 4.
  foreach v_days in array array[14, 400] loop
    select s.phase, s.at into phase, at
    from reference.phase_steps(p_calendar_id, p_at, v_days) as s
    where s.at > p_at
      and s.phase = coalesce(p_phase, s.phase)
    order by s.at
    limit 1;
    exit when found;
  end loop;
  at := coalesce(at, 'infinity');
end;
$$;
comment on function reference.next_phase is
  'the next change of a calendar: to which phase, and when';
