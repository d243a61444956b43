-- The orders that commands of a batch may name: those that it places itself, and those that it
-- found standing, with the number of their slot. Reads nothing.
create or replace function matching.named_orders(
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  order_id bigint,
  slot bigint,
  is_buy boolean,
  owner_id int
)
language sql stable
rows 100
as $$
  select o.order_id, o.n, c.side = 'BUY', o.owner_id
  from unnest(p_batch.order_ids, p_batch.owner_ids) with ordinality as o (order_id, owner_id, n)
  join (select u.side, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = o.n
  where o.order_id is not null
  union all
  select f.order_id, cardinality(p_batch.asked) + f.n, f.price < 0, f.owner_id
  from (
    select r.*, row_number() over () as n
    from rows from (
      unnest((p_batch.found).sort_prices), unnest((p_batch.found).slots)
    ) as r (price)
  ) as f
$$;
comment on function matching.named_orders is 'the orders that commands of a batch may name';
