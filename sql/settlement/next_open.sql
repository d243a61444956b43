-- When these assets settle next: now, or when the next business day begins on which no cut-off of
-- either has passed [SET-010]. The end of days is never: null. Reads only.
create or replace function settlement.next_open(
  p_asset_ids int[],
  p_now timestamptz
) returns timestamptz
language sql stable
as $$
  select coalesce(max(case
    when l.is_open then p_now
    else reference.add_business_days(c.calendar_id, l.local_date + 1, 0)::timestamp
      at time zone k.time_zone end), p_now)
  from reference.cut_offs as c
  join reference.calendars as k
    on k.calendar_id = c.calendar_id
  cross join lateral (
    select
      (p_now at time zone k.time_zone)::date as local_date,
      reference.is_business_day(c.calendar_id, (p_now at time zone k.time_zone)::date)
        and (p_now at time zone k.time_zone)::time < c.cut_off as is_open
  ) as l
  where c.asset_id = any (p_asset_ids)
$$;
comment on function settlement.next_open is 'when assets settle next, by their cut-offs';
