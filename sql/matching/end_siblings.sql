-- The commands that end the other orders of an order's list, because it fired: none when it is the
-- entry, which its exits wait for, or belongs to no list [MAT-053]. Reads only.
create or replace function matching.end_siblings(
  p_parked matching.parked_orders
) returns matching.command[]
language sql volatile
as $$
  select coalesce(array_agg(matching.cancel_command(o.order_id, 'OCO_TRIGGER') order by o.order_id),
    '{}')
  from matching.order_lists as l
  cross join lateral matching.list_orders(l.segment_id, l.list_id) as o
  where l.segment_id = p_parked.segment_id
    and l.list_id = p_parked.list_id
    and p_parked.order_id is distinct from l.entry_order_id
    and o.order_id is distinct from l.entry_order_id
    and o.order_id <> p_parked.order_id
$$;
comment on function matching.end_siblings is 'the commands that end the others of an order''s list';
