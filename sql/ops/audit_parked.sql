-- Orders that wait against their facts: each PENDING order is parked, with its quantity and reason,
-- and no other; each that waits for a price is on the watch list, and no other; what prevented
-- matches took from an order is the sum of them. Returns what differs. Reads only.
create or replace function ops.audit_parked() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'parked order', coalesce(o.order_id, k.order_id)::text,
    concat_ws(' ', k.pending_reason, trim_scale(k.quantity), k.participant_id, k.side),
    concat_ws(' ', o.pending_reason, trim_scale(o.remaining_quantity), o.participant_id, o.side)
  from (select r.* from matching.orders as r where r.status = 'PENDING') as o
  full join matching.parked_orders as k
    on k.segment_id = o.segment_id
    and k.order_id = o.order_id
  where concat_ws(' ', k.pending_reason, trim_scale(k.quantity), k.participant_id, k.side)
    is distinct from
    concat_ws(' ', o.pending_reason, trim_scale(o.remaining_quantity), o.participant_id, o.side)
  union all
  select 'stop order watched', coalesce(w.order_id, k.order_id)::text, w.entry_seq::text,
    k.entry_seq::text
  from (select r.* from matching.parked_orders as r where r.pending_reason = 'TRIGGER') as k
  full join matching.stop_orders_watchlist as w
    on w.segment_id = k.segment_id
    and w.order_id = k.order_id
  where w.order_id is null
    or k.order_id is null
  union all
  select 'order prevented', coalesce(o.order_id, m.order_id)::text, o.prevented_quantity::text,
    m.quantity::text
  from (select r.* from matching.orders as r where r.prevented_quantity > 0) as o
  full join (
    select p.segment_id, l.order_id, sum(l.quantity) as quantity
    from matching.prevented_matches as p
    cross join lateral (
      values (p.taker_order_id, p.taker_quantity), (p.maker_order_id, p.maker_quantity)
    ) as l (order_id, quantity)
    where l.quantity > 0
    group by p.segment_id, l.order_id
  ) as m
    on m.segment_id = o.segment_id
    and m.order_id = o.order_id
  where o.prevented_quantity is distinct from m.quantity
$$;
comment on function ops.audit_parked is
  'orders that wait against their facts; returns what differs';
