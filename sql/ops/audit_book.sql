-- The book against the orders: it holds exactly those with something left that do not wait, with
-- what their price, quantity and fees need held; none is crossed that trades continuously. Returns
-- what differs. Reads only.
create or replace function ops.audit_book() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
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
    select matching.hold_of(
      s, b.sort_price, b.remaining_quantity, b.fee_exact, b.fee_amount, b.hold_rate
    )
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
comment on function ops.audit_book is 'the book against the orders; returns what differs';
