-- The best levels of one side of a book, as shown: [[price, quantity, orders], ...], amounts as
-- strings. What an iceberg hides is not in it [MAT-046].
-- Reads only, in the snapshot of its caller.
create or replace function matching.levels_json(
  p_segment_id int,
  p_symbol_id int,
  p_side matching.order_side_enum,
  p_depth int
) returns jsonb
language sql stable
as $$
  select coalesce(
    jsonb_agg(jsonb_build_array(
      trim_scale(abs(l.sort_price))::text, trim_scale(l.quantity)::text, l.orders
    ) order by l.sort_price), '[]')
  from (
    select
      b.sort_price, sum(coalesce(b.visible_quantity, b.remaining_quantity)) as quantity,
      count(*) as orders
    from matching.book as b
    where b.segment_id = p_segment_id
      and b.symbol_id = p_symbol_id
      and b.side = p_side
    group by b.sort_price
    order by b.sort_price
    limit p_depth
  ) as l
$$;
comment on function matching.levels_json is 'the best levels of one side of a book';
