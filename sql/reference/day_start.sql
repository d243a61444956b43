-- The moment when a date begins by a calendar; by UTC without one. Reads only.
create or replace function reference.day_start(
  p_calendar_id int,
  p_on date
) returns timestamptz
language sql stable
as $$
  select p_on::timestamp at time zone coalesce(
    (select c.time_zone from reference.calendars as c where c.calendar_id = p_calendar_id), 'UTC'
  )
$$;
comment on function reference.day_start is 'the moment when a date begins by a calendar';
