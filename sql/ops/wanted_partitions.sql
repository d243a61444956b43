-- The partitions that should stand at p_now: from the current month or day to as far ahead as the
-- configuration says. Names end in _YYYY_MM or _YYYY_MM_DD, bounds are in UTC. Reads only.
create or replace function ops.wanted_partitions(
  p_now timestamptz
) returns table (
  schema_name text,
  table_name text,
  partition_name text,
  from_at timestamptz,
  to_at timestamptz
)
language sql stable
as $$
  select
    c.schema_name, c.table_name,
    c.table_name || to_char(
      u.starts_on, case c.part when 'month' then '_YYYY_MM' else '_YYYY_MM_DD' end
    ),
    u.starts_on at time zone 'UTC', (u.starts_on + c.step) at time zone 'UTC'
  from (
    select r.*, ('1 ' || r.part)::interval as step
    from ops.partition_retention_config as r
  ) as c
  cross join lateral generate_series(0, c.ahead) as n (i)
  cross join lateral (
    select date_trunc(c.part, p_now at time zone 'UTC') + n.i * c.step as starts_on
  ) as u
$$;
comment on function ops.wanted_partitions is 'the partitions that should stand now';
