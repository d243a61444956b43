-- Says that a day of a calendar is a holiday, or of another schedule; its symbols follow. An order
-- of the day that is entered already ends when it was to end.
--   select set_calendar_day('NYSE', '2026-12-25');
--   select set_calendar_day('NYSE', '2026-12-24', 'HALF_DAY');
-- Raises: NFCAL, IVCAL. Locks: the symbols in the order of their ids, accounts.
-- Writes: reference.calendar_days, all that a batch writes.
create or replace function ops.set_calendar_day(
  p_calendar text,
  p_on date,
  p_schedule text default null,
  p_is_business_day boolean default null,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_calendar_id int := (reference.get_calendar(p_calendar)).calendar_id;
begin
  perform reference.set_calendar_day(v_calendar_id, p_on, p_schedule, p_is_business_day);

  perform matching.set_calendar(s.symbol_id, v_calendar_id, p_now)
  from (
    select y.symbol_id
    from reference.symbols as y
    where y.calendar_id = v_calendar_id
    order by y.symbol_id
  ) as s;
end;
$$;
comment on function ops.set_calendar_day is
  'set_calendar_day(calendar, date, schedule): a holiday, or a day of another schedule';
revoke execute on function ops.set_calendar_day from public;
grant execute on function ops.set_calendar_day to pgsettle_operator;
