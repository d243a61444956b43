-- Every instruction, pending or settled, one row each. status tells which.
create or replace view settlement.instructions as
select
  p.segment_id, p.instruction_id, p.symbol_id, p.buyer_id, p.seller_id, p.base_asset_id,
  p.quote_asset_id, p.quantity, p.notional, p.buyer_fee, p.seller_fee, p.value_date, p.status,
  p.reason, p.problem, p.attempts, p.next_attempt_at, p.created_at,
  null::timestamptz as settled_at, null::bigint as journal_id
from settlement.pending_instructions as p
union all
select
  s.segment_id, s.instruction_id, s.symbol_id, s.buyer_id, s.seller_id, s.base_asset_id,
  s.quote_asset_id, s.quantity, s.notional, s.buyer_fee, s.seller_fee, s.value_date,
  'SETTLED'::settlement.instruction_status, null, null, s.attempts, null, s.created_at,
  s.settled_at, s.journal_id
from settlement.settled_instructions as s;
comment on view settlement.instructions is
  'all settlement instructions: those pending and those settled';
