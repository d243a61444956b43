-- Moves what is available to another account of the same owner; see ledger.transfer_internal.
-- Raises: NFPAR, IVPAR, RJOWN, NFAST, IVAMT, RJKEY, RJFND, STPER.
create or replace function api.transfer_internal(
  p_segment_id int,
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns table (
  transfer_id text,
  from_client_id text,
  to_client_id text,
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
    t.journal_id || '-1', p_from, p_to, upper(p_asset), trim_scale(t.amount::numeric),
    t.idempotency_key, t.created_at
  from ledger.transfer_internal(p_segment_id, p_from, p_to, p_asset, p_amount, p_key, p_now) as t
$$;
comment on function api.transfer_internal is
  'moves money between accounts of one owner, once a key';
revoke execute on function api.transfer_internal from public;
grant execute on function api.transfer_internal to pgsettle_app;
