-- How the database stands, for readiness: the newest migration, and what settlement has before it:
-- the oldest of what was not tried yet, because one that was put aside is no reason to take the
-- venue out of service. Reads only.
create or replace function api.status(
  p_segment_id int,
  p_now timestamptz
) returns table (
  schema_version text,
  pending bigint,
  failed bigint,
  oldest_created_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    (select max(m.filename) from graphile_migrate.migrations as m),
    count(*) filter (where i.status <> 'FAILED'), count(*) filter (where i.status = 'FAILED'),
    min(i.created_at) filter (where i.attempts = 0)
  from settlement.pending_instructions as i
  where i.segment_id = p_segment_id
    and i.created_at <= p_now
$$;
comment on function api.status is 'how the database stands, for readiness';
revoke execute on function api.status from public;
grant execute on function api.status to pgsettle_app;
