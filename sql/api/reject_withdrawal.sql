-- Rejects a withdrawal and returns it; see ledger.reject_withdrawal.
-- Raises: NFWDR, IVOPR, IVRSN, STWDR.
create or replace function api.reject_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.withdrawal_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.reject_withdrawal(p_segment_id, p_withdrawal_id, p_by, p_reason, p_now);
  return api.find_withdrawal(p_segment_id, p_withdrawal_id);
end;
$$;
comment on function api.reject_withdrawal is 'gives back what was held for a withdrawal';
revoke execute on function api.reject_withdrawal from public;
grant execute on function api.reject_withdrawal to pgsettle_app;
