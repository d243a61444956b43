-- Makes a sub-account of a participant; see reference.open_sub_account.
-- Raises: NFPAR, IVSUB, STPAR.
create or replace function api.open_sub_account(
  p_segment_id int,
  p_parent text,
  p_client_id text,
  p_name text,
  p_custody text,
  p_now timestamptz
) returns table (
  client_id text,
  name text,
  parent text,
  custody text,
  trade_group text,
  created_at timestamptz
)
language sql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.client_id, p.name, p_parent, p.custody, p.trade_group, p.created_at
  from reference.open_sub_account(p_parent, p_client_id, p_name, p_custody, p_now) as p
$$;
comment on function api.open_sub_account is 'makes a sub-account of a participant';
revoke execute on function api.open_sub_account from public;
grant execute on function api.open_sub_account to pgsettle_app;
