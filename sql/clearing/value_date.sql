-- When a trade of a symbol settles: so many business days of its settlement calendar, or else of
-- the one that it trades by, behind the local date of the trade; a trade on a day that is none
-- counts for the next one [CLR-002]. Without a calendar days are of UTC, and each is a business
-- day.
-- Returns the value date, and the moment when it begins. Reads only.
-- Raises: IVCAL when the calendar has no such day.
create or replace function clearing.value_date(
  p_symbol reference.symbols,
  p_at timestamptz,
  out value_date date,
  out due_at timestamptz
)
language plpgsql stable
as $$
declare
  v_calendar_id int := coalesce(p_symbol.settlement_calendar_id, p_symbol.calendar_id);
  v_time_zone text := 'UTC';
begin
  if v_calendar_id is null then
    value_date := (p_at at time zone 'UTC')::date + p_symbol.settlement_days;
  else
    select c.time_zone into strict v_time_zone
    from reference.calendars as c
    where c.calendar_id = v_calendar_id;
    value_date := reference.add_business_days(
      v_calendar_id, (p_at at time zone v_time_zone)::date, p_symbol.settlement_days
    );
    if value_date is null then
      raise exception 'the calendar of % has no % business days to come', p_symbol.symbol,
        p_symbol.settlement_days using errcode = 'IVCAL', hint = 'BAD_CALENDAR';
    end if;
  end if;
  due_at := value_date::timestamp at time zone v_time_zone;
end;
$$;
comment on function clearing.value_date is 'when a trade of a symbol settles';
