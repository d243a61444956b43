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
    case when p_outcome.prevented is null then 0 else coalesce((
      select sum(
        case s.order_id when m.taker_order_id then m.taker_quantity else m.maker_quantity end
      )
      from unnest(p_outcome.prevented) as m
      where s.order_id in (m.taker_order_id, m.maker_order_id)
    ), 0) end,
    s.display, s.visible, s.list_id, s.pending, s.created_at, s.book_tid, s.last_seq, s.end_reason,
    s.refusal, s.expire_at, s.session_rule
  from (
    select u.*, row_number() over () as n
    from rows from (
      unnest(p_outcome.sort_prices, p_outcome.priority_nos, p_outcome.remaining),
      unnest(p_outcome.slots)
    ) as u (sort_price, priority_no, remaining)
  ) as s
  where s.last_seq is not null
$$;
comment on function matching.final_orders is 'the orders that an outcome touched, as they end';
