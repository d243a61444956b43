-- The date p_days business days behind a date; the date itself, or the first business day behind
-- it, when that is none [REF-004]. From a Thursday before a Monday that is a holiday, two business
-- days lead to Tuesday. Null when the calendar does not have so many within ten times the days and
-- two months. Reads only.
create or replace function reference.add_business_days(
  p_calendar_id int,
  p_on date,
  p_days int
) returns date
language sql stable
as $$
  select d.day_on
  from (
    select p_on + i.n as day_on
    from generate_series(case when p_days = 0 then 0 else 1 end, 10 * p_days + 60) as i (n)
  ) as d
  where reference.is_business_day(p_calendar_id, d.day_on)
  order by d.day_on
  offset greatest(p_days - 1, 0)
  limit 1
$$;
comment on function reference.add_business_days is 'the date so many business days behind a date';
