-- Rejects an adjustment that is not posted; see ledger.reject_adjustment.
-- Raises: NFADJ, STADJ, IVOPR, IVRSN.
create or replace function ops.reject_adjustment(
  p_id bigint,
  p_reason text,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.reject_adjustment(p_segment_id, p_id, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reject_adjustment is
  'reject_adjustment(id, reason): it will not be posted';
revoke execute on function ops.reject_adjustment from public;
grant execute on function ops.reject_adjustment to pgsettle_operator;
