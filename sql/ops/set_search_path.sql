-- Makes the tables and functions that operators use work unqualified after psql "$DATABASE_URL",
-- and keeps everyone but the owner from making temporary objects: the schema of those comes first
-- on every search path that does not name it, so a type made there stood in for one of
-- PostgreSQL's. What is set for a database is not copied with a template: the service calls this
-- at each start.
create or replace function ops.set_search_path() returns void
language plpgsql volatile
as $$
begin
  execute format(
    'alter database %I set search_path = '
      'ops, matching, clearing, settlement, ledger, reference, public',
    current_database()
  );
  execute format('revoke temporary on database %I from public', current_database());
end;
$$;
comment on function ops.set_search_path is 'makes tables and functions work unqualified in psql';
