-- The row of a calendar by its code. Reads only. Raises NFCAL when there is none.
create or replace function reference.get_calendar(
  p_calendar text
) returns reference.calendars
language plpgsql stable
as $$
declare
  v_calendar reference.calendars;
begin
  select c.* into v_calendar
  from reference.calendars as c
  where c.calendar = p_calendar;

  if not found then
    raise exception 'there is no calendar %', p_calendar
      using errcode = 'NFCAL', hint = 'UNKNOWN_CALENDAR', column = 'calendar';
  end if;

  return v_calendar;
end;
$$;
comment on function reference.get_calendar is
  'the row of a calendar by its code; NFCAL when there is none';
