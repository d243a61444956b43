-- Sets what may be withdrawn of an asset in 24 hours; see ledger.set_withdrawal_limit.
-- Raises: NFAST, NFPAR, 23514 (below zero).
create or replace function ops.set_withdrawal_limit(
  p_asset text,
  p_amount numeric,
  p_client_id text default null,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.set_withdrawal_limit(p_segment_id, p_asset, p_amount, p_client_id);
end;
$$;
comment on function ops.set_withdrawal_limit is
  'set_withdrawal_limit(asset, amount, client_id): of 24 hours; null: for all, or no limit';
revoke execute on function ops.set_withdrawal_limit from public;
grant execute on function ops.set_withdrawal_limit to pgsettle_operator;
