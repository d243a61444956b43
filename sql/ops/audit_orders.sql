-- Orders against their facts: filled = the sum of the order's trades, with its notional and fee;
-- the book holds exactly the orders with something left, with what their price, quantity and fees
-- need held; no book is crossed; event numbers are dense. Returns what differs. Reads only.
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
  union all
  select 'book remaining', coalesce(o.order_id, b.order_id)::text,
    b.remaining_quantity::text, o.remaining_quantity::text
  from (
    select r.* from matching.orders as r
    where r.remaining_quantity > 0
      and r.pending_reason is null
  ) as o
  full join matching.book as b
    on b.segment_id = o.segment_id
    and b.order_id = o.order_id
  where b.remaining_quantity is distinct from o.remaining_quantity
    or abs(b.sort_price) <> o.price
    or b.fee_amount <> o.fee_amount
    or (b.symbol_id, b.participant_id, b.side) <> (o.symbol_id, o.participant_id, o.side)
  union all
  select 'book hold', b.order_id::text, b.hold_amount::text, h.amount::text
  from matching.book as b
  join reference.symbols as s
    on s.symbol_id = b.symbol_id
  cross join lateral (
    select matching.hold_of(s, b.sort_price, b.remaining_quantity, b.fee_exact, b.fee_amount)
  ) as h (amount)
  where b.hold_amount <> h.amount
  union all
  select 'book crossed', s.symbol, t.bid::text, t.ask::text
  from (
    select
      b.symbol_id, max(-b.sort_price) filter (where b.side = 'BUY') as bid,
      min(b.sort_price) filter (where b.side = 'SELL') as ask
    from matching.book as b
    group by b.segment_id, b.symbol_id
  ) as t
  join reference.symbols as s
    on s.symbol_id = t.symbol_id
  join matching.symbol_state as st
    on st.symbol_id = t.symbol_id
  where t.bid >= t.ask
    and st.phase = 'CONTINUOUS'
$$;
comment on function ops.audit_orders is
  'orders and the book against their facts; returns what differs';
