-- Pays out a withdrawal, or lets it leave through an outside leg, and returns it; see
-- settlement.approve_withdrawal.
-- Raises: NFWDR, IVOPR, RJSLF, STWDR.
create or replace function api.approve_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawal_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.approve_withdrawal(p_segment_id, p_withdrawal_id, p_by, p_now);
  return api.find_withdrawal(p_segment_id, p_withdrawal_id);
end;
$$;
comment on function api.approve_withdrawal is 'pays out a withdrawal that another person asked for';
revoke execute on function api.approve_withdrawal from public;
grant execute on function api.approve_withdrawal to pgsettle_app;
