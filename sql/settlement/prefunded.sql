-- What is still to settle of instructions whose amounts are held: what each side will give, and
-- get.
create or replace view settlement.prefunded as
select
  p.segment_id, p.instruction_id, p.buyer_id, p.seller_id, p.base_asset_id, p.quote_asset_id,
  p.quantity::numeric as quantity, p.notional::numeric as notional,
  p.buyer_fee::numeric as buyer_fee, p.seller_fee::numeric as seller_fee
from settlement.pending_instructions as p
union all
select
  w.segment_id, w.instruction_id, w.buyer_id, w.seller_id, w.base_asset_id, w.quote_asset_id,
  w.quantity - w.settled_quantity, w.notional - w.settled_notional,
  w.buyer_fee - w.settled_buyer_fee, w.seller_fee - w.settled_seller_fee
from settlement.waiting_instructions as w
where w.is_prefunded;
comment on view settlement.prefunded is 'what is still to settle and held for';
