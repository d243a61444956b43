-- The orders of participants that stand at a symbol: in the book, or parked. Reads only.
create or replace function matching.standing_orders(
  p_segment_id int,
  p_participant_ids int[],
  p_symbol_id int
) returns table (
  order_id bigint,
  side matching.order_side_enum,
  sort_price numeric,
  priority_no bigint,
  is_parked boolean
)
language sql volatile
rows 100
as $$
  select b.order_id, b.side, b.sort_price, b.priority_no, false
  from matching.book as b
  where b.segment_id = p_segment_id
    and b.participant_id = any (p_participant_ids)
    and b.symbol_id = p_symbol_id
  union all
  select k.order_id, k.side, k.sort_price, k.entry_seq, true
  from matching.parked_orders as k
  where k.segment_id = p_segment_id
    and k.participant_id = any (p_participant_ids)
    and k.symbol_id = p_symbol_id
$$;
comment on function matching.standing_orders is 'the orders of participants that stand at a symbol';
