-- The transfers that settle an instruction: delivery, payment, and a fee of each side to the house
-- (a rebate comes from it), at most four; what is zero, or from oneself to oneself, is none.
-- Amounts are positive.
-- Reads the house's id only.
create or replace function settlement.legs(
  p_base_asset_id int,
  p_quote_asset_id int,
  p_buyer_id int,
  p_seller_id int,
  p_quantity numeric,
  p_notional numeric,
  p_buyer_fee numeric,
  p_seller_fee numeric
) returns table (
  leg_no int,
  kind ledger.transfer_kind,
  asset_id int,
  debit_id int,
  credit_id int,
  amount numeric
)
language sql stable
rows 4
as $$
  select
    l.leg_no, l.kind, l.asset_id,
    case when l.amount > 0 then l.from_id else l.to_id end,
    case when l.amount > 0 then l.to_id else l.from_id end, abs(l.amount)
  from (
    values
      (1, 'DELIVERY'::ledger.transfer_kind, p_base_asset_id, p_seller_id, p_buyer_id, p_quantity),
      (2, 'PAYMENT', p_quote_asset_id, p_buyer_id, p_seller_id, p_notional),
      (3, 'BUYER_FEE', p_quote_asset_id, p_buyer_id, reference.house_id(), p_buyer_fee),
      (4, 'SELLER_FEE', p_quote_asset_id, p_seller_id, reference.house_id(), p_seller_fee)
  ) as l (leg_no, kind, asset_id, from_id, to_id, amount)
  where l.amount <> 0
    and l.from_id <> l.to_id
$$;
comment on function settlement.legs is 'the transfers that settle an instruction';
