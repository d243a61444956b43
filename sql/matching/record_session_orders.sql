-- Writes what a change of phase did to each resting order: UNCROSSED for one that traded, with what
-- is left of it in the book; EXPIRED or CANCELLED, as its reason says, for one that ends. Both are
-- changes of the book, from prior_price and prior_remaining, of icebergs from what was shown.
-- Writes: matching.events.
create or replace function matching.record_session_orders(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_end_reason matching.end_reason,
  p_orders matching.session_order[]
) returns void
language sql volatile
as $$
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    remaining, prior_price, prior_remaining, reason, visible_quantity, prior_visible_quantity
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, e.seq, p_at, e.kind, o.order_id, o.owner_id, o.side,
    abs(o.sort_price), e.quantity, e.remaining, abs(o.sort_price), e.prior, e.reason, e.visible,
    e.prior_visible
  from unnest(p_orders) as o
  cross join lateral (
    values
      (o.uncrossed_seq, 'UNCROSSED'::matching.event_kind, o.filled, o.remaining_before - o.filled,
        o.remaining_before, null, least(o.display, o.remaining_before - o.filled),
        o.visible_before),
      (o.ended_seq, matching.end_kind(p_end_reason), o.remaining_before - o.filled, 0,
        o.remaining_before - o.filled, p_end_reason::text, null,
        case when o.filled > 0 then least(o.display, o.remaining_before - o.filled)
          else o.visible_before end)
  ) as e (seq, kind, quantity, remaining, prior, reason, visible, prior_visible)
  where e.seq is not null
$$;
comment on function matching.record_session_orders is
  'writes what a change of phase did to each resting order';
