-- Makes the partitions that are missing: orders and events three months ahead, trades seven days,
-- as ops.partition_retention_config says. Safe to run at any time and by several at once; rows
-- that fell into a default partition meanwhile are moved where they belong.
-- Returns the partitions it made. Locks: an advisory lock of its own; each parent while it
-- attaches, and for at most two seconds: it gives up with 55P03 rather than hold up orders.
create or replace function ops.maintain_partitions(
  p_now timestamptz default now()
) returns setof text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  c_lock_space constant int := 2;
  v_part record;
begin
  perform pg_advisory_xact_lock(c_lock_space, 0);

  for v_part in
    select w.*
    from ops.wanted_partitions(p_now) as w
    where to_regclass(format('%I.%I', w.schema_name, w.partition_name)) is null
    order by w.schema_name, w.table_name, w.from_at
  loop
    execute format(
      'create table %1$I.%2$I (like %1$I.%3$I including all)',
      v_part.schema_name, v_part.partition_name, v_part.table_name
    );
    perform ops.move_from_default(
      v_part.schema_name, v_part.table_name, v_part.partition_name, v_part.from_at, v_part.to_at
    );
    execute format(
      'alter table %1$I.%2$I attach partition %1$I.%3$I for values from (%4$L) to (%5$L)',
      v_part.schema_name, v_part.table_name, v_part.partition_name, v_part.from_at, v_part.to_at
    );
    return next v_part.partition_name;
  end loop;
end;
$$;
comment on function ops.maintain_partitions is
  'makes missing partitions: orders 3 months ahead, trades 7 days ahead; safe at any time';
revoke execute on function ops.maintain_partitions from public;
grant execute on function ops.maintain_partitions to pgsettle_worker, pgsettle_operator;
