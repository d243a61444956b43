-- How the database stands, for readiness: the newest migration, and what settlement has before it:
-- the oldest of what is next in line, because one that waits or was put aside is no reason to take
-- the venue out of service. And since when something is due that the matcher's worker should have
-- done: an expiry, a phase, an order that was accepted, a timer. Reads only.
create or replace function api.status(
  p_segment_id int,
  p_now timestamptz
) returns table (
  schema_version text,
  pending bigint,
  failed bigint,
  oldest_created_at timestamptz,
  oldest_due_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    (select max(m.filename) from graphile_migrate.migrations as m),
    count(*) filter (where i.status <> 'FAILED'), count(*) filter (where i.status = 'FAILED'),
    min(i.created_at) filter (where i.reason is null), (
      select min(d.due_at)
      from (
        select least(s.next_due_at, (
          select min(k.created_at)
          from matching.parked_orders as k
          where k.segment_id = s.segment_id
            and k.symbol_id = s.symbol_id
            and k.pending_reason = 'MATCH'
        )) as due_at
        from matching.due_symbols(p_segment_id, p_now) as d (symbol_id)
        join matching.symbol_state as s
          on s.segment_id = p_segment_id
          and s.symbol_id = d.symbol_id
        union all
        select t.cancel_at
        from matching.cancel_timers as t
        where t.segment_id = p_segment_id
          and t.cancel_at <= p_now
      ) as d
    )
  from settlement.instructions as i
  where i.segment_id = p_segment_id
    and i.status not in ('SETTLED', 'CANCELLED')
    and i.created_at <= p_now
$$;
comment on function api.status is 'how the database stands, for readiness';
revoke execute on function api.status from public;
grant execute on function api.status to pgsettle_app;
