-- Every hold with its cause: an open order, a trade that is not settled yet, a withdrawal that is
-- not decided yet, or one that is on its way outside. Their sum by account is what the account
-- holds.
create or replace view ops.v_holds as
select
  b.segment_id, b.participant_id,
  case b.side when 'BUY' then s.quote_asset_id else s.base_asset_id end as asset_id,
  'ORDER' as cause, b.order_id as cause_id, b.hold_amount as amount
from matching.book as b
join reference.symbols as s
  on s.symbol_id = b.symbol_id
union all
select
  k.segment_id, k.participant_id,
  case k.side when 'BUY' then s.quote_asset_id else s.base_asset_id end,
  'PARKED', k.order_id, k.hold_amount
from matching.parked_orders as k
join reference.symbols as s
  on s.symbol_id = k.symbol_id
where k.hold_amount > 0
union all
select
  i.segment_id, h.participant_id, h.asset_id, 'SETTLEMENT', i.instruction_id, h.amount
from settlement.prefunded as i
cross join lateral (
  values
    (i.buyer_id, i.quote_asset_id, i.notional + i.buyer_fee),
    (i.seller_id, i.base_asset_id, i.quantity)
) as h (participant_id, asset_id, amount)
union all
select w.segment_id, w.participant_id, w.asset_id, 'WITHDRAWAL', w.withdrawal_id, w.amount
from ledger.withdrawals as w
where w.status = 'PENDING'
  and w.approved_by is null
union all
select w.segment_id, w.participant_id, w.asset_id, 'OUTSIDE', l.leg_id, w.amount
from settlement.outside_legs as l
join ledger.withdrawals as w
  on w.segment_id = l.segment_id
  and w.withdrawal_id = l.withdrawal_id
where l.ended_at is null;
comment on view ops.v_holds is 'every hold with its cause';
