-- Makes the tables and functions that operators use work unqualified after psql "$DATABASE_URL".
-- A setting of the database is not copied with a template, so the service calls this at each start.
create or replace function ops.set_search_path() returns void
language plpgsql volatile
as $$
begin
  execute format(
    'alter database %I set search_path = '
      'ops, matching, clearing, settlement, ledger, reference, public',
    current_database()
  );
end;
$$;
comment on function ops.set_search_path is 'makes tables and functions work unqualified in psql';
