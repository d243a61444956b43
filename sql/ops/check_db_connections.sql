-- Who is connected to this database and what it does, by role, application and state. A transaction
-- that is idle holds back the vacuum of the queue: more than a minute is CRIT. Reads only.
create or replace function ops.check_db_connections() returns table (
  status text,
  role_name text,
  application text,
  state text,
  connections bigint,
  oldest_transaction interval,
  next_command text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    case
      when a.state like 'idle in transaction%' and a.oldest > interval '1 minute' then 'CRIT'
      when a.oldest > interval '5 minutes' then 'WARN'
      else 'OK' end,
    a.usename, a.application_name, a.state, a.connections, a.oldest,
    case when a.state like 'idle in transaction%' and a.oldest > interval '1 minute'
      then format('select pg_terminate_backend(%s);', a.pid) end
  from (
    select
      s.usename::text, s.application_name, s.state, count(*) as connections,
      max(clock_timestamp() - s.xact_start) as oldest,
      (array_agg(s.pid order by s.xact_start nulls last))[1] as pid
    from pg_catalog.pg_stat_activity as s
    where s.datname = current_database()
    group by s.usename, s.application_name, s.state
  ) as a
  order by a.usename, a.application_name, a.state
$$;
comment on function ops.check_db_connections is 'who is connected and what it does';
revoke execute on function ops.check_db_connections from public;
grant execute on function ops.check_db_connections to pgsettle_operator, pgsettle_auditor;
