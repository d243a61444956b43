-- The orders that commands of a batch may name: those that it places itself, and those that it
-- found standing, with the number of their slot. is_market: it has no limit price to amend.
-- time_in_force: of the batch's own only. Reads nothing.
create or replace function matching.named_orders(
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  order_id bigint,
  slot bigint,
  is_buy boolean,
  price numeric,
  quantity numeric,
  owner_id int,
  is_market boolean,
  time_in_force matching.time_in_force_enum
)
language sql stable
rows 100
as $$
  select o.order_id, o.n, c.side = 'BUY', abs(o.price), c.quantity, o.owner_id,
    c.type in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP'), c.time_in_force
  from unnest(p_batch.order_ids, p_batch.sort_prices, p_batch.owner_ids) with ordinality
    as o (order_id, price, owner_id, n)
  join (
    select u.side, u.type, u.quantity, u.time_in_force, row_number() over () as n
    from unnest(p_commands) as u
  ) as c
    on c.n = o.n
  where o.order_id is not null
  union all
  select
    f.order_id, cardinality(p_batch.asked) + f.n, f.price < 0, abs(f.price), f.quantity, f.owner_id,
    f.pending is not null and f.type in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP'), null
  from (
    select r.*, row_number() over () as n
    from rows from (
      unnest((p_batch.found).sort_prices), unnest((p_batch.found).slots)
    ) as r (price)
  ) as f
$$;
comment on function matching.named_orders is 'the orders that commands of a batch may name';
