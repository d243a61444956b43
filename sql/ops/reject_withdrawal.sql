-- Rejects a withdrawal; see ledger.reject_withdrawal. Raises: NFWDR, IVOPR, IVRSN, STWDR.
create or replace function ops.reject_withdrawal(
  p_id bigint,
  p_by text,
  p_reason text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.reject_withdrawal(p_segment_id, p_id, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reject_withdrawal is
  'reject_withdrawal(id, by, reason): gives back what was held for it';
revoke execute on function ops.reject_withdrawal from public;
grant execute on function ops.reject_withdrawal to pgsettle_operator;
