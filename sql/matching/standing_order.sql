-- An order that is open or parked at a symbol: whose it is, what it was for and what is left of it.
-- Reads only.
create or replace function matching.standing_order(
  p_symbol reference.symbols,
  p_order_id bigint
) returns table (
  participant_id int,
  side matching.order_side_enum,
  quantity numeric,
  remaining numeric
)
language sql stable
rows 1
as $$
  select b.participant_id, b.side, o.quantity, b.remaining_quantity
  from matching.book as b
  join matching.orders as o
    on o.segment_id = b.segment_id
    and o.order_id = b.order_id
    and o.created_at = b.created_at
  where b.segment_id = p_symbol.segment_id
    and b.order_id = p_order_id
    and b.symbol_id = p_symbol.symbol_id
  union all
  select k.participant_id, k.side, k.quantity, k.quantity
  from matching.parked_orders as k
  where k.segment_id = p_symbol.segment_id
    and k.order_id = p_order_id
    and k.symbol_id = p_symbol.symbol_id
$$;
comment on function matching.standing_order is 'an order that is open or parked at a symbol';
