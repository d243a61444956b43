-- Makes a sub-account; see reference.open_sub_account.
--   select open_sub_account('broker', 'broker:desk', 'OMNIBUS');
-- Raises: NFPAR, IVSUB, STPAR.
create or replace function ops.open_sub_account(
  p_parent text,
  p_client_id text,
  p_custody text default 'SEGREGATED',
  p_name text default null,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform reference.open_sub_account(p_parent, p_client_id, p_name, p_custody, p_now);
end;
$$;
comment on function ops.open_sub_account is
  'open_sub_account(parent, client): makes a participant below another';
revoke execute on function ops.open_sub_account from public;
grant execute on function ops.open_sub_account to pgsettle_operator;
