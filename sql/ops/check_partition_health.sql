-- How the partitions stand: a row a partitioned table, with what is missing ahead, what fell into
-- the default partition, and the command that mends it. Reads only.
create or replace function ops.check_partition_health(
  p_now timestamptz default now()
) returns table (
  status text,
  table_name text,
  partitions bigint,
  missing bigint,
  last_partition text,
  default_rows bigint,
  next_command text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_default bigint;
begin
  for v_table in
    select
      w.schema_name, w.table_name, max(w.partition_name) as last_name,
      count(*) filter (
        where to_regclass(format('%I.%I', w.schema_name, w.partition_name)) is null
      ) as missing,
      min(w.from_at) as from_at,
      (
        select count(*)
        from pg_catalog.pg_inherits as i
        where i.inhparent = format('%I.%I', w.schema_name, w.table_name)::regclass
      ) as parts
    from ops.wanted_partitions(p_now) as w
    group by w.schema_name, w.table_name
    order by w.schema_name, w.table_name
  loop
    execute format(
      'select count(*) from (select from %I.%I limit 100000) as d',
      v_table.schema_name, v_table.table_name || '_default'
    ) into v_default;
    table_name := v_table.table_name;
    partitions := v_table.parts;
    missing := v_table.missing;
    last_partition := v_table.last_name;
    default_rows := v_default;
    status := case when v_default > 0 then 'CRIT' when missing > 0 then 'WARN' else 'OK' end;
    next_command := case when status <> 'OK' then 'select maintain_partitions();' end;
    return next;
  end loop;
end;
$$;
comment on function ops.check_partition_health is
  'what partitions are missing, what fell into a default one, and how to mend it';
revoke execute on function ops.check_partition_health from public;
grant execute on function ops.check_partition_health
  to pgsettle_worker, pgsettle_operator, pgsettle_auditor;
