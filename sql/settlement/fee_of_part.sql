-- What a part is charged of a fee: its share, rounded half up, and no more than is left of the fee,
-- so that many small parts do not come to more than all of it; the same of a rebate, which is below
-- zero [SET-007]. Takes the fee, what of it is settled, the share, and the decimals of its asset.
create or replace function settlement.fee_of_part(
  p_fee numeric,
  p_settled_fee numeric,
  p_share numeric,
  p_decimals int
) returns numeric -- in the quote asset
language sql immutable parallel safe
as $$
  select case when p_fee < 0
    then greatest(round(p_share, p_decimals), p_fee - p_settled_fee)
    else least(round(p_share, p_decimals), p_fee - p_settled_fee) end
$$;
comment on function settlement.fee_of_part is 'what a part is charged of a fee';
