-- Makes a calendar; see reference.create_calendar for what it takes.
--   select create_calendar('NYSE', 'America/New_York',
--     '{"REGULAR": [["09:00", "CALL"], ["09:30", "CONTINUOUS"], ["16:00", "CLOSED"]]}',
--     '{REGULAR,REGULAR,REGULAR,REGULAR,REGULAR}');
-- Returns its id. Raises: STCAL, IVCAL.
create or replace function ops.create_calendar(
  p_calendar text,
  p_time_zone text,
  p_schedules jsonb,
  p_week text[],
  p_business_days int[] default null,
  p_now timestamptz default now()
) returns int -- calendar id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return reference.create_calendar(
    p_calendar, p_time_zone, p_schedules, p_week, p_business_days, p_now
  );
end;
$$;
comment on function ops.create_calendar is
  'create_calendar(calendar, time_zone, schedules, week): makes a calendar';
revoke execute on function ops.create_calendar from public;
grant execute on function ops.create_calendar to pgsettle_operator;
