-- Who owes what to whom, of all trades, settled or not: each trade has exactly four, two of
-- delivery and two of payment [CLR-003]. What a participant gives is negative, what it gets
-- positive; each trade's sum to zero in each asset. Fees are not among them: see instructions. Nor
-- is what no trade left: what was instructed, and what gives back what a busted trade had moved.
create or replace view clearing.obligations as
select
  i.segment_id,
  i.instruction_id as trade_id,
  o.kind,
  o.participant_id,
  o.counterparty_id,
  o.asset_id,
  o.amount,
  i.value_date,
  i.status,
  i.symbol_id
from settlement.instructions as i
cross join lateral (
  values
    ('DELIVERY', i.seller_id, i.buyer_id, i.base_asset_id, -i.quantity::numeric),
    ('DELIVERY', i.buyer_id, i.seller_id, i.base_asset_id, i.quantity::numeric),
    ('PAYMENT', i.buyer_id, i.seller_id, i.quote_asset_id, -i.notional::numeric),
    ('PAYMENT', i.seller_id, i.buyer_id, i.quote_asset_id, i.notional::numeric)
) as o (kind, participant_id, counterparty_id, asset_id, amount)
where i.instruction_id > 1000000000000;  -- a trade's: symbol id x 10^12 + its seq
comment on view clearing.obligations is 'who owes what to whom: four a trade';
