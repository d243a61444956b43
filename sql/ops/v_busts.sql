-- Busts and corrections of trades, those to be decided about first: who asked, who decided, the
-- trade that took its place, and what came of the reversal of what was final.
create or replace view ops.v_busts as
select
  b.bust_id,
  s.symbol,
  b.trade_id,
  t.price,
  b.new_price,
  t.quantity,
  b.reason,
  b.status,
  b.requested_by,
  b.created_at,
  b.decided_by,
  b.decided_at,
  b.reject_reason,
  b.seq,
  b.replacement_id,
  r.reversal_id,
  i.status as reversal_status,
  i.reason as reversal_reason
from matching.trade_busts as b
join reference.symbols as s
  on s.symbol_id = b.symbol_id
join matching.trades as t
  on t.segment_id = b.segment_id
  and t.trade_id = b.trade_id
left join settlement.reversals as r
  on r.segment_id = b.segment_id
  and r.instruction_id = b.trade_id
left join settlement.instructions as i
  on i.segment_id = r.segment_id
  and i.instruction_id = r.reversal_id
order by b.status, b.bust_id;
comment on view ops.v_busts is 'busts and corrections of trades, those to be decided about first';
