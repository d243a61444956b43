-- Approves an adjustment; the second of two who did not ask for it posts it. See
-- ledger.approve_adjustment. Returns its status.
-- Raises: NFADJ, STADJ, IVOPR, RJSLF, RJFND, STPER.
create or replace function ops.approve_adjustment(
  p_id bigint,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (ledger.approve_adjustment(p_segment_id, p_id, p_by, p_now)).status;
end;
$$;
comment on function ops.approve_adjustment is
  'approve_adjustment(id, by): the second of two who did not ask for it posts it';
revoke execute on function ops.approve_adjustment from public;
grant execute on function ops.approve_adjustment to pgsettle_operator;
