-- The slot of the order that an order of a list shares its hold with, or null: the other one that
-- is alive, unless one of the two is the entry. Reads only.
create or replace function matching.sibling_slot(
  p_symbol reference.symbols,
  p_batch matching.batch,
  p_slot matching.slot
) returns int
language sql stable
as $$
  select (cardinality(p_batch.asked) + f.n)::int
  from (
    select u.order_id, u.list_id, u.pending, row_number() over () as n
    from unnest((p_batch.found).slots) as u
  ) as f
  join matching.order_lists as l
    on l.segment_id = p_symbol.segment_id
    and l.list_id = f.list_id
  where f.list_id = p_slot.list_id
    and f.order_id <> p_slot.order_id
    and f.pending is distinct from 'PARENT'
    and l.entry_order_id is distinct from f.order_id
    and l.entry_order_id is distinct from p_slot.order_id
$$;
comment on function matching.sibling_slot is 'the slot of the order that shares a hold';
