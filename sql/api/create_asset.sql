-- Makes an asset. Writes: reference.assets. Raises: STAST when there is one with this code.
create or replace function api.create_asset(
  p_segment_id int,
  p_asset text,
  p_decimals int,
  p_now timestamptz
) returns table (
  asset text,
  decimals int,
  created_at timestamptz
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  insert into reference.assets as a (asset, decimals, created_at)
  values (upper(p_asset), p_decimals, p_now)
  on conflict do nothing
  returning a.asset, a.decimals, a.created_at;

  if not found then
    raise exception 'there is an asset % already', upper(p_asset)
      using errcode = 'STAST', hint = 'ASSET_EXISTS', column = 'asset';
  end if;
end;
$$;
comment on function api.create_asset is 'makes an asset; STAST when there is one already';
revoke execute on function api.create_asset from public;
grant execute on function api.create_asset to pgsettle_app;
