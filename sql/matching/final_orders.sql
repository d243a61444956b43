-- The orders that an outcome touched, one row each, as they end: what this batch filled of them,
-- their last event and what is left, held and charged. Reads nothing.
create or replace function matching.final_orders(
  p_outcome matching.outcome
) returns setof matching.final_order
language sql immutable
rows 1000
as $$
  select
    t.order_id, t.filled, t.notional, t.last_seq, s.owner_id, s.sort_price, s.priority_no,
    s.remaining, s.hold, s.fee_exact, s.fee, s.quantity, s.created_at, s.end_reason
  from (
    select a.order_id, sum(a.filled) as filled, sum(a.notional) as notional, max(a.seq) as last_seq
    from (
      select e.order_id, 0::numeric as filled, 0::numeric as notional, e.seq
      from unnest(p_outcome.order_ids, p_outcome.seqs) as e (order_id, seq)
      where e.order_id is not null
      union all
      select s.order_id, f.quantity, f.price * f.quantity, f.seq
      from matching.fills(p_outcome) as f
      cross join lateral (values (f.taker_order_id), (f.maker_order_id)) as s (order_id)
    ) as a
    group by a.order_id
  ) as t
  join unnest(
    (p_outcome.slots).order_id, (p_outcome.slots).owner_id, (p_outcome.slots).sort_price,
    (p_outcome.slots).priority_no, (p_outcome.slots).remaining, (p_outcome.slots).hold,
    (p_outcome.slots).fee_exact, (p_outcome.slots).fee, (p_outcome.slots).quantity,
    (p_outcome.slots).created_at, p_outcome.ends
  ) as s (
    order_id, owner_id, sort_price, priority_no, remaining, hold, fee_exact, fee, quantity,
    created_at, end_reason
  )
    on s.order_id = t.order_id
$$;
comment on function matching.final_orders is 'the orders that an outcome touched, as they end';
