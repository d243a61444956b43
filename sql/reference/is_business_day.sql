-- Whether a date is a business day of a calendar: as its weekday is, unless the date is named
-- itself. Without a calendar every day is one [REF-004]. Reads only.
create or replace function reference.is_business_day(
  p_calendar_id int,
  p_on date
) returns boolean
language sql stable
as $$
  select p_calendar_id is null or coalesce(
    (
      select x.is_business_day
      from reference.calendar_days as x
      where x.calendar_id = p_calendar_id
        and x.day_on = p_on
    ),
    (
      select w.is_business_day
      from reference.calendar_weekdays as w
      where w.calendar_id = p_calendar_id
        and w.weekday = extract(isodow from p_on)
    ),
    false
  )
$$;
comment on function reference.is_business_day is 'whether a date is a business day of a calendar';
