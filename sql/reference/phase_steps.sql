-- When a calendar changes from a phase to another: from eight days before a moment, in the
-- calendar's own days, to p_days behind it [REF-001]. A phase lasts until the next one that some
-- day names; a holiday closes at its midnight [REF-002]. Eight days hold each weekday, so what came
-- before the moment is known; what came before them counts as CLOSED.
-- A local time that the clocks skip is the moment as late after the skip as it would be had they
-- not; one that they repeat is the second. Reads only.
create or replace function reference.phase_steps(
  p_calendar_id int,
  p_at timestamptz,
  p_days int
) returns table (
  at timestamptz,
  phase reference.symbol_phase
)
language sql stable
as $$
  with days as (
    select c.time_zone, (p_at at time zone c.time_zone)::date + i.n as day_on
    from reference.calendars as c
    cross join generate_series(-8, p_days) as i (n)
    where c.calendar_id = p_calendar_id
  ), changes as (
    select (d.day_on + s.starts_at) at time zone d.time_zone as at, s.phase
    from days as d
    left join reference.calendar_days as x
      on x.calendar_id = p_calendar_id
      and x.day_on = d.day_on
    left join reference.calendar_weekdays as w
      on w.calendar_id = p_calendar_id
      and w.weekday = extract(isodow from d.day_on)
    cross join lateral (
      select p.starts_at, p.phase
      from reference.schedule_phases as p
      where p.calendar_id = p_calendar_id
        and p.schedule = case when x.day_on is null then w.schedule else x.schedule end
      union all
      select time '00:00', 'CLOSED'
      where x.day_on is not null
        and x.schedule is null
    ) as s
  )
  select c.at, c.phase
  from (
    select h.at, h.phase, coalesce(lag(h.phase) over (order by h.at), 'CLOSED') as prior
    from changes as h
  ) as c
  where c.phase <> c.prior
$$;
comment on function reference.phase_steps is 'when a calendar changes from a phase to another';
