-- Writes the events of a change of phase, in this order: UNCROSSED with the price, the volume and
-- what is left over (remaining, on side), if the call was uncrossed; a TRADE for each fill, with
-- the reason AUCTION, or SELF_AUCTION where both orders have one owner or group [MAT-073];
-- UNCROSSED for each order that traded and EXPIRED or CANCELLED for each that ends, both as a
-- change of the book from prior_price and prior_remaining, which a TRADE of an auction is not;
-- PHASE.
-- Returns the number of the last. Writes: matching.events.
create or replace function matching.record_session_events(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_plan matching.phase_plan,
  p_indication matching.indication,
  p_end_reason matching.end_reason,
  p_fills matching.call_fill[],
  p_orders matching.session_order[]
) returns bigint -- event number
language plpgsql volatile
as $$
declare
  v_print_no int := case when p_indication is null then 0 else 1 end;
  v_last_seq bigint;
begin
  select p_state.last_seq + v_print_no + cardinality(p_fills) + count(o.uncrossed_seq)
    + count(o.ended_seq) + 1
  into v_last_seq
  from unnest(p_orders) as o;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, side, price, quantity, remaining, reason, phase,
    phase_end_at
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, e.seq, p_at, e.kind, e.side, e.price, e.quantity,
    e.remaining, e.reason, e.phase, e.phase_end_at
  from (
    values
      (p_state.last_seq + 1, 'UNCROSSED'::matching.event_kind, p_indication.surplus_side,
        p_indication.price, p_indication.volume, p_indication.surplus, null, null, null),
      (v_last_seq, 'PHASE', null, null, null, null, p_plan.reason, p_plan.phase,
        p_plan.phase_end_at)
  ) as e (seq, kind, side, price, quantity, remaining, reason, phase, phase_end_at)
  where e.kind = 'PHASE'
    or v_print_no = 1;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, maker_remaining, reason
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, p_state.last_seq + v_print_no + f.n, p_at, 'TRADE',
    t.order_id, t.participant_id, t.side, p_indication.price, f.quantity, t.maker_order_id,
    t.maker_id, f.maker_left,
    case when b.participant_id = s.participant_id or b.trade_group = s.trade_group
      then 'SELF_AUCTION' else 'AUCTION' end
  from unnest(p_fills) as f
  join reference.participants as b
    on b.participant_id = f.buyer_id
  join reference.participants as s
    on s.participant_id = f.seller_id
  join lateral (
    values
      (true, 'BUY'::matching.order_side_enum, f.buy_order_id, f.buyer_id, f.sell_order_id,
        f.seller_id),
      (false, 'SELL', f.sell_order_id, f.seller_id, f.buy_order_id, f.buyer_id)
  ) as t (is_buyer_taker, side, order_id, participant_id, maker_order_id, maker_id)
    on t.is_buyer_taker = f.is_buyer_taker;

  perform matching.record_session_orders(p_symbol, p_at, p_end_reason, p_orders);
  return v_last_seq;
end;
$$;
comment on function matching.record_session_events is 'writes the events of a change of phase';
