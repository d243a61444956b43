-- The row of an asset, made with p_decimals (8 when null) where there is none yet.
-- Writes: reference.assets.
create or replace function reference.ensure_asset(
  p_asset text,
  p_decimals int,
  p_now timestamptz
) returns reference.assets
language plpgsql volatile
as $$
begin
  insert into reference.assets (asset, decimals, created_at)
  values (upper(p_asset), coalesce(p_decimals, 8), p_now)
  on conflict do nothing;

  return reference.get_asset(p_asset);
end;
$$;
comment on function reference.ensure_asset is 'the row of an asset, made where there is none yet';
