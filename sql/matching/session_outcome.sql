-- What a change of phase did to resting orders, as an outcome of the matcher, for those who write
-- it: the trades, numbered from p_first_seq on, and the orders as they end. Here, and nowhere else,
-- is it put together. What is left of an iceberg that traded is shown anew, at its place [MAT-072].
-- Takes what matching.call_fills and matching.session_orders gave. Reads nothing.
create or replace function matching.session_outcome(
  p_symbol reference.symbols,
  p_price numeric,
  p_end_reason matching.end_reason,
  p_fills matching.call_fill[],
  p_orders matching.session_order[],
  p_first_seq bigint
) returns matching.outcome
language plpgsql volatile
as $$
declare
  v_outcome matching.outcome;
begin
  select array_agg(row(
    p_first_seq - 1 + f.n, p_price, f.quantity, f.is_buyer_taker,
    case when f.is_buyer_taker then f.buy_order_id else f.sell_order_id end,
    case when f.is_buyer_taker then f.sell_order_id else f.buy_order_id end,
    case when f.is_buyer_taker then f.buyer_id else f.seller_id end,
    case when f.is_buyer_taker then f.seller_id else f.buyer_id end,
    case when f.is_buyer_taker then f.buyer_fee else f.seller_fee end,
    case when f.is_buyer_taker then f.seller_fee else f.buyer_fee end,
    f.maker_left, null, null,
    case when f.is_buyer_taker then f.buyer_charge else f.seller_charge end,
    case when f.is_buyer_taker then f.seller_charge else f.buyer_charge end
  )::matching.fill order by f.n)
  into v_outcome.fills
  from unnest(p_fills) as f;

  select
    array_agg(row(
      o.order_id, o.owner_id, null, null,
      case when o.rest > 0
        then matching.hold_of(
          p_symbol, o.sort_price, o.rest, o.fee_exact, o.fee, o.hold_rate
        ) else 0 end,
      o.hold_before, o.fee_exact, o.fee, o.filled, o.paid, o.display,
      case when o.rest > 0 and o.filled > 0 and o.display is not null
        then least(o.display, o.rest) else o.visible_before end,
      o.list_id, null, o.created_at, o.book_tid, coalesce(o.ended_seq, o.uncrossed_seq),
      case when o.ended_seq is not null then p_end_reason end, null, null, null, null, null, null,
      null, matching.held_charge(o.hold_rate)
    )::matching.slot),
    array_agg(o.sort_price), array_agg(o.priority_no), array_agg(o.rest),
    coalesce(bool_or(o.list_id is not null), false)
  into
    v_outcome.slots, v_outcome.sort_prices, v_outcome.priority_nos, v_outcome.remaining,
    v_outcome.is_linked
  from (
    select
      s.*, case when s.ended_seq is null then s.remaining_before - s.filled else 0 end as rest
    from unnest(p_orders) as s
  ) as o;
  v_outcome.asked := '{}';
  v_outcome.is_breached := false;
  v_outcome.last_price := case when v_outcome.fills is not null then p_price end;
  return v_outcome;
end;
$$;
comment on function matching.session_outcome is
  'what a change of phase did to resting orders, as an outcome of the matcher';
