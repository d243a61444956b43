-- Makes a calendar. Takes its schedules, by name a list of [local time, phase]:
--   {"REGULAR": [["09:00", "CALL"], ["09:30", "CONTINUOUS"], ["16:00", "CLOSED"]]}
-- the schedule of each weekday from Monday on, null where it has none, and which of these are
-- business days (1 is Monday), null for all that have a schedule. A schedule says what changes: a
-- session that goes on over midnight is not named again. A pause is PRE_OPEN, since CLOSED ends the
-- session, and the orders of the day with it.
-- Returns its id. Writes: reference.calendars and what belongs to it.
-- Raises: STCAL (there already), IVCAL (no such time zone, phase, time or schedule).
create or replace function reference.create_calendar(
  p_calendar text,
  p_time_zone text,
  p_schedules jsonb,
  p_week text[],
  p_business_days int[],
  p_now timestamptz
) returns int -- calendar id
language plpgsql volatile
as $$
declare
  v_calendar_id int;
begin
  perform p_now at time zone p_time_zone;
  if exists (
    select from jsonb_each(p_schedules) as s
    where s.value = '[]'
  ) then
    raise exception 'a schedule of % has no phase', p_calendar
      using errcode = 'IVCAL', hint = 'BAD_CALENDAR';
  end if;

  insert into reference.calendars (calendar, time_zone, created_at)
  values (p_calendar, p_time_zone, p_now)
  on conflict (calendar) do nothing
  returning calendar_id into v_calendar_id;
  if v_calendar_id is null then
    raise exception 'there is a calendar % already', p_calendar
      using errcode = 'STCAL', hint = 'CALENDAR_EXISTS', column = 'calendar';
  end if;

  insert into reference.schedules (calendar_id, schedule)
  select v_calendar_id, s.key
  from jsonb_each(p_schedules) as s;

  insert into reference.schedule_phases (calendar_id, schedule, starts_at, phase)
  select v_calendar_id, s.key, (p.step ->> 0)::time, (p.step ->> 1)::reference.symbol_phase
  from jsonb_each(p_schedules) as s
  cross join lateral jsonb_array_elements(s.value) as p (step);

  insert into reference.calendar_weekdays (calendar_id, weekday, schedule, is_business_day)
  select v_calendar_id, w.n, w.schedule, coalesce(w.n = any (p_business_days), true)
  from unnest(p_week) with ordinality as w (schedule, n)
  where w.schedule is not null;
  return v_calendar_id;
exception when invalid_parameter_value or invalid_text_representation or invalid_datetime_format
  or datetime_field_overflow or check_violation or foreign_key_violation or not_null_violation
  or unique_violation then
  raise exception 'the calendar % cannot be: %', p_calendar, sqlerrm
    using errcode = 'IVCAL', hint = 'BAD_CALENDAR';
end;
$$;
comment on function reference.create_calendar is 'makes a calendar with its schedules and week';
