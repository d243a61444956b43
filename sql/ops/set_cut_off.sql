-- Says until what local time of a business day an asset settles: later, it does on the next one.
-- Null for the calendar: at any time.
--   select set_cut_off('USD', 'NYSE', '16:00');
-- Raises: NFAST, NFCAL, IVCUT.
create or replace function ops.set_cut_off(
  p_asset text,
  p_calendar text,
  p_cut_off time
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.set_cut_off(
    (reference.get_asset(p_asset)).asset_id,
    case when p_calendar is not null then (reference.get_calendar(p_calendar)).calendar_id end,
    p_cut_off
  );
end;
$$;
comment on function ops.set_cut_off is
  'set_cut_off(asset, calendar, time): later in the day an asset settles on the next one';
revoke execute on function ops.set_cut_off from public;
grant execute on function ops.set_cut_off to pgsettle_operator;
