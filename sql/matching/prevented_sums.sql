-- What the prevented matches of a batch took, by order. Reads nothing; is inlined.
create or replace function matching.prevented_sums(
  p_prevented matching.prevented_match[]
) returns table (
  order_id bigint,
  quantity numeric
)
language sql immutable
rows 10
as $$
  select o.id, sum(o.lost)
  from unnest(p_prevented) as m
  cross join lateral (
    values (m.taker_order_id, m.taker_quantity), (m.maker_order_id, m.maker_quantity)
  ) as o (id, lost)
  group by o.id
$$;
comment on function matching.prevented_sums is
  'what the prevented matches of a batch took, by order';
