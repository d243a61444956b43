-- The transfers that settle an instruction: delivery, payment, and a fee of each side to the house
-- (a rebate comes from it), at most four; what is zero, or from oneself to oneself, is none.
-- Amounts are positive. One select a leg: as VALUES, which are compiled anew for each instruction,
-- they took 4.5 ms more of 42 for 2,000. Reads the house's id only.
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
  select 1, 'DELIVERY'::ledger.transfer_kind, p_base_asset_id, p_seller_id, p_buyer_id, p_quantity
  where p_quantity > 0
    and p_buyer_id <> p_seller_id
  union all
  select 2, 'PAYMENT', p_quote_asset_id, p_buyer_id, p_seller_id, p_notional
  where p_notional > 0
    and p_buyer_id <> p_seller_id
  union all
  select
    3, 'BUYER_FEE', p_quote_asset_id,
    case when p_buyer_fee > 0 then p_buyer_id else reference.house_id() end,
    case when p_buyer_fee > 0 then reference.house_id() else p_buyer_id end, abs(p_buyer_fee)
  where p_buyer_fee <> 0
    and p_buyer_id <> reference.house_id()
  union all
  select
    4, 'SELLER_FEE', p_quote_asset_id,
    case when p_seller_fee > 0 then p_seller_id else reference.house_id() end,
    case when p_seller_fee > 0 then reference.house_id() else p_seller_id end, abs(p_seller_fee)
  where p_seller_fee <> 0
    and p_seller_id <> reference.house_id()
$$;
comment on function settlement.legs is 'the transfers that settle an instruction';
