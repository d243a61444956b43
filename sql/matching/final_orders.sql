-- The orders that an outcome touched, one row each, as they end: what this batch filled of them,
-- what it prevented, their last event and what is left, held and charged. Reads nothing.
create or replace function matching.final_orders(
  p_outcome matching.outcome
) returns setof matching.final_order
language sql immutable
rows 1000
as $$
  select
    s.n::int, s.order_id, s.owner_id, s.sort_price, s.priority_no, s.remaining, s.quantity, s.hold,
    s.hold_before, s.fee_exact, s.fee, s.filled, s.paid,
    coalesce(p.quantity, 0), s.display, s.visible, s.list_id, s.pending, s.created_at, s.book_tid,
    s.last_seq, s.end_reason, s.refusal, s.expire_at, s.session_rule,
    case when s.sort_price < 0 then (s.charge).hold_rate end
  from rows from (
    unnest(p_outcome.sort_prices, p_outcome.priority_nos, p_outcome.remaining),
    unnest(p_outcome.slots)
  ) with ordinality as s (
    sort_price, priority_no, remaining, order_id, owner_id, party_no, quantity, hold, hold_before,
    fee_exact, fee, filled, paid, display, visible, list_id, pending, created_at, book_tid,
    last_seq, end_reason, refusal, type, stp, is_post_only, is_sliding, expire_at, session_rule,
    charge, n
  )
  left join matching.prevented_sums(p_outcome.prevented) as p
    on p.order_id = s.order_id
  where s.last_seq is not null
$$;
comment on function matching.final_orders is 'the orders that an outcome touched, as they end';
