-- So much of what is left of a waiting instruction: the cash and the fees in proportion, rounded
-- half up to the unit of the quote asset, and never more than is left of them; the last part takes
-- what is left [SET-007].
-- Takes the quantity, in base, at most what is left, and the decimals of the quote asset.
create or replace function settlement.part_of(
  p_instruction settlement.waiting_instructions,
  p_quantity numeric,
  p_decimals int
) returns settlement.part
language sql immutable parallel safe
as $$
  select row(
    i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    p_quantity,
    case when l.is_last then i.notional - i.settled_notional else least(
      round(i.notional * p_quantity / i.quantity, p_decimals), i.notional - i.settled_notional
    ) end,
    case when l.is_last then i.buyer_fee - i.settled_buyer_fee
      else settlement.fee_of_part(i.buyer_fee, i.settled_buyer_fee,
        i.buyer_fee * p_quantity / i.quantity, p_decimals) end,
    case when l.is_last then i.seller_fee - i.settled_seller_fee
      else settlement.fee_of_part(i.seller_fee, i.settled_seller_fee,
        i.seller_fee * p_quantity / i.quantity, p_decimals) end,
    i.is_prefunded, l.is_last
  )::settlement.part
  from (select (p_instruction).*) as i
  cross join lateral (select p_quantity >= i.quantity - i.settled_quantity as is_last) as l
$$;
comment on function settlement.part_of is 'so much of what is left of a waiting instruction';
