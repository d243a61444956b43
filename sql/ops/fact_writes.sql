-- A text that changes when a row of trades, events, settled or cancelled obligations, journals or
-- transfers was changed or deleted, or one of an obligation that is next in line changed: those
-- tables are only added to, and PostgreSQL counts what happens to their rows, also without
-- triggers. It may change when nothing is wrong, behind a crash or when a partition is filled from
-- the default one. Who switches the counting off is found later, in turn [OPS-001]. Reads only.
create or replace function ops.fact_writes() returns text
language sql stable
as $$
  select md5(coalesce(string_agg(concat_ws(' ', s.relid, c.relfilenode, s.n_tup_upd,
    case s.relname when 'pending_instructions' then 0 else s.n_tup_del end), ',' order by s.relid),
    ''))
  from pg_catalog.pg_stat_all_tables as s
  join pg_catalog.pg_class as c
    on c.oid = s.relid
  where (
      (s.schemaname = 'matching' and s.relname ~ '^(trades|events)_')
      or (
        s.schemaname = 'settlement'
        and s.relname ~ '^(settled_instructions_|cancelled_instructions$|parts$|pending_i)'
      )
      or (s.schemaname = 'ledger' and s.relname ~ '^(transfers_|journals$)')
    )
    and (s.n_tup_upd + s.n_tup_del > 0 or c.relfilenode <> c.oid)
$$;
comment on function ops.fact_writes is 'changes when a row that is never changed was';
