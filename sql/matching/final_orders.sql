-- The orders that an outcome touched, one row each, as they end: what this batch filled of them,
-- their last event and what is left, held and charged. Reads nothing.
create or replace function matching.final_orders(
  p_outcome matching.outcome
) returns setof matching.final_order
language sql immutable
rows 1000
as $$
  select
    s.order_id, coalesce(s.filled, 0), coalesce(s.paid, 0), s.last_seq, s.owner_id, s.sort_price,
    s.priority_no, s.remaining, s.hold, s.fee_exact, s.fee, s.quantity, s.created_at, s.end_reason,
    s.book_tid
  from unnest(
    (p_outcome.slots).order_id, (p_outcome.slots).owner_id, (p_outcome.slots).sort_price,
    (p_outcome.slots).priority_no, (p_outcome.slots).remaining, (p_outcome.slots).hold,
    (p_outcome.slots).fee_exact, (p_outcome.slots).fee, (p_outcome.slots).quantity,
    (p_outcome.slots).created_at, (p_outcome.slots).book_tid, p_outcome.ends, p_outcome.filled,
    p_outcome.paid, p_outcome.last_seqs
  ) as s (
    order_id, owner_id, sort_price, priority_no, remaining, hold, fee_exact, fee, quantity,
    created_at, book_tid, end_reason, filled, paid, last_seq
  )
  where s.last_seq is not null
    and s.order_id is not null
$$;
comment on function matching.final_orders is 'the orders that an outcome touched, as they end';
