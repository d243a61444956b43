-- Says that a day of a calendar is not as its weekday: closed when the schedule is null, else of
-- that schedule. A day that is closed is no business day unless the caller says otherwise.
-- Writes: reference.calendar_days. Raises: IVCAL when there is no such schedule.
create or replace function reference.set_calendar_day(
  p_calendar_id int,
  p_on date,
  p_schedule text,
  p_is_business_day boolean
) returns void
language plpgsql volatile
as $$
begin
  insert into reference.calendar_days (calendar_id, day_on, schedule, is_business_day)
  values (p_calendar_id, p_on, p_schedule, coalesce(p_is_business_day, p_schedule is not null))
  on conflict (calendar_id, day_on) do update
  set schedule = excluded.schedule,
    is_business_day = excluded.is_business_day;
exception when foreign_key_violation then
  raise exception 'the calendar has no schedule %', p_schedule
    using errcode = 'IVCAL', hint = 'BAD_CALENDAR', column = 'schedule';
end;
$$;
comment on function reference.set_calendar_day is 'says that a day is not as its weekday';
