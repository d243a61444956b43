-- Orders against their facts: filled = the sum of the order's trades as they were matched (busted
-- or not, and not what took a place [BST-002]), with its notional and fee; and the status that
-- follows from what is left and how it ended. Returns what differs. Reads only.
create or replace function ops.audit_orders() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with fills as (
    select
      f.segment_id, f.order_id, sum(f.quantity) as quantity, sum(f.notional) as notional,
      sum(f.fee) as fee
    from (
      select t.segment_id, l.order_id, t.quantity, t.price * t.quantity as notional, l.fee
      from matching.trades as t
      cross join lateral (
        values (t.taker_order_id, t.taker_fee), (t.maker_order_id, t.maker_fee)
      ) as l (order_id, fee)
      where not exists (
        select
        from matching.trade_busts as b
        where b.segment_id = t.segment_id
          and b.replacement_id = t.trade_id
      )
    ) as f
    group by f.segment_id, f.order_id
  )
  select v.check_name, coalesce(o.order_id, f.order_id)::text, v.kept::text, v.derived::text
  from matching.orders as o
  full join fills as f
    on f.segment_id = o.segment_id
    and f.order_id = o.order_id
  cross join lateral (
    values
      ('order filled', coalesce(o.filled_quantity, -1), coalesce(f.quantity, 0)),
      ('order notional', coalesce(o.filled_notional, -1), coalesce(f.notional, 0)),
      ('order fee', coalesce(o.fee_amount, -1), coalesce(f.fee, 0))
  ) as v (check_name, kept, derived)
  where v.kept <> v.derived
  union all
  select 'order status', o.order_id::text, o.status::text, w.status::text
  from matching.orders as o
  cross join lateral (
    select matching.status_of(
      o.remaining_quantity, o.filled_quantity, o.end_reason, o.refusal, o.pending_reason
    )
  ) as w (status)
  where o.status <> w.status
$$;
comment on function ops.audit_orders is
  'orders against their facts; returns what differs';
