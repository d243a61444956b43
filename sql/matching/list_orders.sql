-- The orders of a list that have not ended: those in the book and those that wait. Reads only.
create or replace function matching.list_orders(
  p_segment_id int,
  p_list_id bigint
) returns table (
  order_id bigint,
  created_at timestamptz,
  pending_reason matching.pending_reason,
  hold_amount numeric
)
language sql volatile
rows 3
as $$
  select b.order_id, b.created_at, null, b.hold_amount
  from matching.book as b
  where b.segment_id = p_segment_id
    and b.list_id = p_list_id
  union all
  select k.order_id, k.created_at, k.pending_reason, k.hold_amount
  from matching.parked_orders as k
  where k.segment_id = p_segment_id
    and k.list_id = p_list_id
$$;
comment on function matching.list_orders is 'the orders of a list that have not ended';
