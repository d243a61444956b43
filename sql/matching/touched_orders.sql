-- Orders that a batch leaves, as rows of a segment; for a look-up by the whole key, as
-- reference.ids says. Reads nothing.
create or replace function matching.touched_orders(
  p_segment_id int,
  p_orders matching.final_order[]
) returns table (
  segment_id int,
  final matching.final_order
)
language sql volatile
rows 1
as $$
  select p_segment_id, o from unnest(p_orders) as o
$$;
comment on function matching.touched_orders is 'orders that a batch leaves, as rows of a segment';
