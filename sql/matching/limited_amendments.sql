-- What the amendments of a batch mean for the limits of a symbol that are of what the batch itself
-- placed before, as matching.limited_changes says it of orders that stand; placed_n is the command
-- that placed it. Reads only.
create or replace function matching.limited_amendments(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  is_buy boolean,
  price numeric,
  near_price numeric,
  adds_orders int,
  adds_quantity numeric,
  placed_n bigint
)
language sql stable
as $$
  select
    c.n, c.owner_id, o.side = 'BUY',
    case when o.type in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP') then null else c.price end,
    o.stop_price, 0,
    case when o.side = 'BUY' then greatest(c.quantity - o.quantity, 0) else 0 end, o.n
  from (
    select u.*, b.owner_id
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as u
    join unnest(p_batch.owner_ids, p_batch.refusals) with ordinality as b (owner_id, refusal, n)
      on b.n = u.n
    where u.op = 'AMEND'
      and u.order_id is null
      and b.refusal is null
  ) as c
  cross join lateral (
    select u.side, u.type, u.quantity, u.stop_price, u.n
    from (select p.*, row_number() over () as n from unnest(p_commands) as p) as u
    where u.op = 'PLACE'
      and u.client_id = c.client_id
      and u.client_order_id = c.client_order_id
      and u.n < c.n
      and p_batch.refusals[u.n] is null
    order by u.n
    limit 1
  ) as o
  where not exists (
    select from matching.order_keys as k
    where k.segment_id = p_symbol.segment_id
      and k.participant_id = c.owner_id
      and k.kind = 'C'
      and k.client_key = c.client_order_id
  )
$$;
comment on function matching.limited_amendments is
  'what amendments of what a batch placed itself mean for the limits of a symbol';
