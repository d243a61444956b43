-- How many units make one of an asset with p_decimals decimals: 8 -> 100000000. Exact.
create or replace function reference.units_in_one(
  p_decimals int
) returns numeric
language sql immutable strict parallel safe
as $$
  select ('1e' || p_decimals)::numeric
$$;
comment on function reference.units_in_one is
  'how many units make one of an asset with so many decimals';
