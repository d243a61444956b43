-- The row of an asset by its code, in any case of letters. Reads only. Raises NFAST when there is
-- none.
create or replace function reference.get_asset(
  p_asset text
) returns reference.assets
language plpgsql stable
as $$
declare
  v_asset reference.assets;
begin
  select a.* into v_asset
  from reference.assets as a
  where a.asset = upper(p_asset);

  if not found then
    raise exception 'there is no asset %', p_asset
      using errcode = 'NFAST', hint = 'UNKNOWN_ASSET', column = 'asset';
  end if;

  return v_asset;
end;
$$;
comment on function reference.get_asset is
  'the row of an asset by its code; NFAST when there is none';
