-- Asks for money to be paid out and holds it; see ledger.request_withdrawal. A repeat of the key
-- answers with the withdrawal as it is now.
-- Raises: NFPAR, NFAST, IVAMT, IVOPR, RJKEY, RJFND, RJLIM.
create or replace function api.request_withdrawal(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawal_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.request_withdrawal(
    p_segment_id, p_client_id, p_asset, p_amount, p_key, p_by, p_now
  );
begin
  return api.find_withdrawal(p_segment_id, v_withdrawal.withdrawal_id);
end;
$$;
comment on function api.request_withdrawal is 'asks for money to be paid out, once a key';
revoke execute on function api.request_withdrawal from public;
grant execute on function api.request_withdrawal to pgsettle_app;
