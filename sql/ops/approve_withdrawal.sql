-- Pays out a withdrawal; see settlement.approve_withdrawal. Returns its journal, or null when it is
-- on its way through an outside leg. Raises: NFWDR, IVOPR, RJSLF, STWDR.
create or replace function ops.approve_withdrawal(
  p_id bigint,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- journal id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (settlement.approve_withdrawal(p_segment_id, p_id, p_by, p_now)).journal_id;
end;
$$;
comment on function ops.approve_withdrawal is
  'approve_withdrawal(id, by): pays out what another person asked for';
revoke execute on function ops.approve_withdrawal from public;
grant execute on function ops.approve_withdrawal to pgsettle_operator;
