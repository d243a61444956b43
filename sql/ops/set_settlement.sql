-- Says how long after the trade a symbol settles, from its next trade on: so many business days of
-- a calendar, null for the one that it trades by. What was traded already keeps its value date.
--   select set_settlement('AAPL-USD', 2, 'NYSE');
-- Raises: NFSYM, NFCAL, IVSYM.
create or replace function ops.set_settlement(
  p_symbol text,
  p_days int,
  p_calendar text default null,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform reference.set_settlement(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id,
    p_days,
    case when p_calendar is not null then (reference.get_calendar(p_calendar)).calendar_id end
  );
end;
$$;
comment on function ops.set_settlement is
  'set_settlement(symbol, days, calendar): so many business days from a trade to its settlement';
revoke execute on function ops.set_settlement from public;
grant execute on function ops.set_settlement to pgsettle_operator;
