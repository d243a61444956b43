-- Re-derives what the venue keeps from the facts that it never changes, and returns what differs:
-- no rows is healthy. One statement a check, each in one snapshot. Reads only.
create or replace function ops.audit() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.* from ops.audit_balances() as a
  union all
  select a.* from ops.audit_orders() as a
  union all
  select a.* from ops.audit_book() as a
  union all
  select a.* from ops.audit_parked() as a
  union all
  select a.* from ops.audit_events() as a
  union all
  select a.* from ops.audit_settlements() as a
  union all
  select a.* from ops.audit_parts() as a
  union all
  select a.* from ops.audit_windows() as a
  union all
  select a.* from ops.audit_busts() as a
  union all
  select a.* from ops.audit_journals() as a
  union all
  select a.* from ops.audit_withdrawals() as a
  union all
  select a.* from ops.audit_periods() as a
  union all
  select a.* from ops.audit_adjustments() as a
  union all
  select a.* from ops.audit_internal() as a
  union all
  select a.* from ops.audit_fees() as a
  union all
  select a.* from ops.audit_outside_legs() as a
$$;
comment on function ops.audit is
  'audit(): re-derives balances, holds, fills, book and settlements; no rows is healthy';
revoke execute on function ops.audit from public;
grant execute on function ops.audit to pgsettle_operator, pgsettle_auditor, pgsettle_worker;
