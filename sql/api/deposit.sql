-- Books money that came in from outside; see ledger.deposit. A repeat of the key answers as the
-- first time. The transfer id is the journal's and the line's.
-- Raises: NFPAR, NFAST, IVAMT, RJKEY.
create or replace function api.deposit(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns table (
  transfer_id text,
  client_id text,
  asset text,
  amount numeric,
  idempotency_key text,
  created_at timestamptz
)
language sql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    d.journal_id || '-1', p_client_id, upper(p_asset), trim_scale(d.amount::numeric),
    d.idempotency_key, d.created_at
  from ledger.deposit(p_segment_id, p_client_id, p_asset, p_amount, p_key, p_now) as d
$$;
comment on function api.deposit is 'books money from outside to a participant, once a key';
revoke execute on function api.deposit from public;
grant execute on function api.deposit to pgsettle_app;
