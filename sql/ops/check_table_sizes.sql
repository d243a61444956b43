-- The sizes of the tables, partitions summed up, the largest first, with dead rows. Reads only.
create or replace function ops.check_table_sizes() returns table (
  status text,
  table_name text,
  total_size text,
  live_rows bigint,
  dead_rows bigint,
  next_command text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    case when t.dead > 10000 and t.dead > t.live then 'WARN' else 'OK' end, t.name,
    pg_catalog.pg_size_pretty(t.bytes), t.live, t.dead,
    case when t.dead > 10000 and t.dead > t.live then format('vacuum %s;', t.name) end
  from (
    select
      coalesce(i.inhparent::regclass, c.oid::regclass)::text as name,
      sum(pg_catalog.pg_total_relation_size(c.oid))::bigint as bytes,
      coalesce(sum(s.n_live_tup), 0)::bigint as live,
      coalesce(sum(s.n_dead_tup), 0)::bigint as dead
    from pg_catalog.pg_class as c
    left join pg_catalog.pg_inherits as i
      on i.inhrelid = c.oid
    left join pg_catalog.pg_stat_user_tables as s
      on s.relid = c.oid
    where c.relkind in ('r', 'm')
      and c.relnamespace in (
        'reference'::regnamespace, 'ledger'::regnamespace, 'settlement'::regnamespace,
        'matching'::regnamespace, 'ops'::regnamespace
      )
    group by 1
  ) as t
  order by t.bytes desc
$$;
comment on function ops.check_table_sizes is 'the sizes of the tables, with dead rows';
revoke execute on function ops.check_table_sizes from public;
grant execute on function ops.check_table_sizes to pgsettle_operator, pgsettle_auditor;
