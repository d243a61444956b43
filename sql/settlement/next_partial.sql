-- When instructions of a symbol may settle in part next: now, inside one of its windows or when it
-- has none, else when the next window begins [SET-007]. Windows are in UTC. Reads only.
create or replace function settlement.next_partial(
  p_symbol_id int,
  p_now timestamptz
) returns timestamptz
language sql stable
as $$
  select coalesce(min(case
    when l.local_time >= w.starts_at and l.local_time < w.ends_at then p_now
    when l.local_time < w.starts_at then l.day_start + w.starts_at::interval
    else l.day_start + w.starts_at::interval + interval '1 day' end), p_now)
  from reference.partial_windows as w
  cross join lateral (
    select
      (p_now at time zone 'UTC')::time as local_time,
      date_trunc('day', p_now at time zone 'UTC') at time zone 'UTC' as day_start
  ) as l
  where w.symbol_id = p_symbol_id
$$;
comment on function settlement.next_partial is 'when instructions of a symbol may settle in part';
