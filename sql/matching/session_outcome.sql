-- What a change of phase did to resting orders, as an outcome of the matcher, for those who write
-- it: the trades, numbered from p_first_seq on, and the orders as they end. Here, and nowhere else,
-- is it put together. Takes what matching.call_fills and matching.session_orders gave. Reads
-- nothing.
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
  v_slots matching.slots;
begin
  select
    array_agg(p_first_seq - 1 + f.n order by f.n), array_agg(p_price),
    array_agg(f.quantity order by f.n),
    array_agg(case when f.is_buyer_taker then f.buy_order_id else f.sell_order_id end order by f.n),
    array_agg(case when f.is_buyer_taker then f.sell_order_id else f.buy_order_id end order by f.n),
    array_agg(case when f.is_buyer_taker then f.buyer_id else f.seller_id end order by f.n),
    array_agg(case when f.is_buyer_taker then f.seller_id else f.buyer_id end order by f.n),
    array_agg(f.is_buyer_taker order by f.n),
    array_agg(case when f.is_buyer_taker then f.buyer_fee else f.seller_fee end order by f.n),
    array_agg(case when f.is_buyer_taker then f.seller_fee else f.buyer_fee end order by f.n),
    array_agg(f.maker_left order by f.n)
  into
    v_outcome.fill_seqs, v_outcome.fill_prices, v_outcome.fill_quantities, v_outcome.fill_takers,
    v_outcome.fill_makers, v_outcome.fill_taker_ids, v_outcome.fill_maker_ids,
    v_outcome.fill_bought, v_outcome.fill_taker_fees, v_outcome.fill_maker_fees,
    v_outcome.fill_maker_lefts
  from unnest(p_fills) as f;

  select
    array_agg(o.order_id), array_agg(o.owner_id), array_agg(o.sort_price), array_agg(o.priority_no),
    array_agg(o.rest),
    array_agg(case when o.rest > 0
      then matching.hold_of(p_symbol, o.sort_price, o.rest, o.fee_exact, o.fee) else 0 end),
    array_agg(o.fee_exact), array_agg(o.fee), array_agg(null::numeric), array_agg(o.created_at),
    array_agg(o.book_tid), array_agg(o.hold_before),
    array_agg(case when o.ended_seq is not null then p_end_reason end), array_agg(o.filled),
    array_agg(o.paid), array_agg(coalesce(o.ended_seq, o.uncrossed_seq))
  into
    v_slots.order_id, v_slots.owner_id, v_slots.sort_price, v_slots.priority_no, v_slots.remaining,
    v_slots.hold, v_slots.fee_exact, v_slots.fee, v_slots.quantity, v_slots.created_at,
    v_slots.book_tid, v_outcome.holds_before, v_outcome.ends, v_outcome.filled, v_outcome.paid,
    v_outcome.last_seqs
  from (
    select
      s.*, case when s.ended_seq is null then s.remaining_before - s.filled else 0 end as rest
    from unnest(p_orders) as s
  ) as o;
  v_outcome.slots := v_slots;
  v_outcome.last_seq := p_first_seq - 1 + cardinality(p_fills);
  return v_outcome;
end;
$$;
comment on function matching.session_outcome is
  'what a change of phase did to resting orders, as an outcome of the matcher';
