-- Every instruction, one row each, wherever it stands: next in line, waiting, settled or cancelled.
-- status and reason tell which.
create or replace view settlement.instructions as
select
  p.segment_id, p.instruction_id, p.symbol_id, p.buyer_id, p.seller_id, p.base_asset_id,
  p.quote_asset_id, p.quantity, p.notional, p.buyer_fee, p.seller_fee, p.value_date,
  'PENDING'::settlement.instruction_status as status, null::settlement.pending_reason as reason,
  null as problem, p.attempts, p.created_at as next_attempt_at, p.created_at,
  null::timestamptz as settled_at, null::bigint as journal_id
from settlement.pending_instructions as p
union all
select
  w.segment_id, w.instruction_id, w.symbol_id, w.buyer_id, w.seller_id, w.base_asset_id,
  w.quote_asset_id, w.quantity, w.notional, w.buyer_fee, w.seller_fee, w.value_date, w.status,
  w.reason, w.problem, w.attempts, w.next_attempt_at, w.created_at, null, null
from settlement.waiting_instructions as w
union all
select
  s.segment_id, s.instruction_id, s.symbol_id, s.buyer_id, s.seller_id, s.base_asset_id,
  s.quote_asset_id, s.quantity, s.notional, s.buyer_fee, s.seller_fee, s.value_date,
  'SETTLED'::settlement.instruction_status, null, null, s.attempts, null, s.created_at,
  s.settled_at, s.journal_id
from settlement.settled_instructions as s
union all
select
  c.segment_id, c.instruction_id, c.symbol_id, c.buyer_id, c.seller_id, c.base_asset_id,
  c.quote_asset_id, c.quantity, c.notional, c.buyer_fee, c.seller_fee, c.value_date,
  'CANCELLED'::settlement.instruction_status, null, c.reason, c.attempts, null, c.created_at,
  null, null
from settlement.cancelled_instructions as c;
comment on view settlement.instructions is
  'all settlement instructions: next in line, waiting, settled, cancelled';
