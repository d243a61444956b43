--! Previous: -
--! Hash: sha1:60e05c5c74f38dfcdd9f593d4038d1e73f65adcd
--! Message: create roles and schemas

-- Roles are cluster-wide and may stand already, made by another database of the same server.
-- They get their passwords from the service (app/database/logins.ts), never from a migration.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['pgsettle_app', 'pgsettle_worker', 'pgsettle_operator', 'pgsettle_auditor']
  loop
    begin
      execute format(
        'create role %I %s', v_role,
        case when v_role in ('pgsettle_app', 'pgsettle_worker') then 'login' else 'nologin' end
      );
    exception when duplicate_object or unique_violation then
      raise notice 'role % stands already', v_role;
    end;
  end loop;
end
$$;

-- Domain schemas call downwards only: api, ops -> matching -> clearing -> settlement -> ledger -> reference.
create schema reference;
create schema ledger;
create schema settlement;
create schema clearing;
create schema matching;
create schema api;
create schema ops;

comment on schema reference is 'assets, symbols, participants: what is rarely written';
comment on schema ledger is 'accounts, journals and transfers: where money is';
comment on schema settlement is 'instructions and the functions that settle them';
comment on schema clearing is 'trades to obligations';
comment on schema matching is 'orders in, trades out';
comment on schema api is 'what the service may call';
comment on schema ops is 'what operators call from psql';

-- Nobody may do anything but what a grant below says.
alter default privileges revoke execute on functions from public;
revoke create on schema public from public;

grant usage on schema api to pgsettle_app;
grant usage on schema settlement, ops to pgsettle_worker;
grant usage on schema ops, reference, ledger, settlement, clearing, matching
  to pgsettle_operator, pgsettle_auditor;
alter default privileges in schema reference, ledger, settlement, clearing, matching, ops
  grant select on tables to pgsettle_operator, pgsettle_auditor;
