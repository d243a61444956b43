-- What an operator can call, with a sentence each. Reads only.
create or replace function ops.help() returns table (
  call text,
  does text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    p.proname || '(' || pg_catalog.pg_get_function_arguments(p.oid) || ')',
    pg_catalog.obj_description(p.oid, 'pg_proc')
  from pg_catalog.pg_proc as p
  where p.pronamespace = 'ops'::regnamespace
    and p.prosecdef
  union all
  select c.relname, pg_catalog.obj_description(c.oid, 'pg_class')
  from pg_catalog.pg_class as c
  where c.relnamespace = 'ops'::regnamespace
    and c.relkind in ('v', 'm')
  order by 1
$$;
comment on function ops.help is 'help(): what an operator can call';
revoke execute on function ops.help from public;
grant execute on function ops.help to pgsettle_operator, pgsettle_auditor;
