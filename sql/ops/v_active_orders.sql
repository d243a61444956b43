-- The orders that are open, with what is left, held, and their place in line at their price.
create or replace view ops.v_active_orders as
select
  b.order_id,
  s.symbol,
  p.client_id,
  b.side,
  o.type,
  o.time_in_force,
  o.status,
  abs(b.sort_price) as price,
  o.quantity,
  o.filled_quantity,
  b.remaining_quantity,
  b.hold_amount,
  row_number() over (
    partition by b.segment_id, b.symbol_id, b.side, b.sort_price order by b.priority_no
  ) as place_in_line,
  b.created_at,
  o.updated_at
from matching.book as b
join matching.orders as o
  on o.segment_id = b.segment_id
  and o.order_id = b.order_id
  and o.created_at = b.created_at
join reference.symbols as s
  on s.symbol_id = b.symbol_id
join reference.participants as p
  on p.participant_id = b.participant_id;
comment on view ops.v_active_orders is
  'open orders with what is left, held, and their place in line';
