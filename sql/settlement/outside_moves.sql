-- What each outside leg moves: an asset, how much of it, from whom, to whom.
create or replace view settlement.outside_moves as
select
  l.segment_id, l.leg_id, w.asset_id, w.amount::numeric as amount, w.participant_id as from_id,
  reference.external_id() as to_id
from settlement.outside_legs as l
join ledger.withdrawals as w
  on w.segment_id = l.segment_id
  and w.withdrawal_id = l.withdrawal_id
union all
select l.segment_id, l.leg_id, i.base_asset_id, i.quantity::numeric, i.seller_id, i.buyer_id
from settlement.outside_legs as l
join settlement.instructions as i
  on i.segment_id = l.segment_id
  and i.instruction_id = l.instruction_id
where l.kind = 'DELIVERY'
union all
select l.segment_id, l.leg_id, i.quote_asset_id, i.notional::numeric, i.buyer_id, i.seller_id
from settlement.outside_legs as l
join settlement.instructions as i
  on i.segment_id = l.segment_id
  and i.instruction_id = l.instruction_id
where l.kind = 'PAYMENT';
comment on view settlement.outside_moves is 'what each outside leg moves, from whom to whom';
