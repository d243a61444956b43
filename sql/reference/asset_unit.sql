-- The smallest amount of an asset with p_decimals decimals: 8 -> 0.00000001. Exact.
create or replace function reference.asset_unit(
  p_decimals int
) returns numeric -- in the asset
language sql immutable strict parallel safe
as $$
  select ('1e-' || p_decimals)::numeric
$$;
comment on function reference.asset_unit is 'the smallest amount of an asset with so many decimals';
