-- Tells that a trade is busted: a BUST event that names it, and where another takes its place, that
-- trade and its CORRECTED event [BST-002]. The orders, the book, stop orders, the last price and
-- the phase stay as the trade left them: but for the numbers, the matcher does not know of a bust.
-- Takes the trade and the one that takes its place (null: none does), which it returns with its
-- number. Under the lock of the symbol.
-- Writes: matching.events, matching.trades, matching.symbol_state, matching.volumes.
create or replace function matching.record_bust(
  p_trade matching.trades,
  p_replacement matching.trades,
  p_reason text,
  p_at timestamptz
) returns matching.trades
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_count int := case when p_replacement.price is null then 1 else 2 end;
  v_seq bigint;
begin
  update matching.symbol_state as s
  set last_seq = s.last_seq + v_count
  where s.segment_id = p_trade.segment_id
    and s.symbol_id = p_trade.symbol_id
  returning s.last_seq into strict v_seq;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, reason, trade_id
  )
  select
    t.segment_id, t.symbol_id, v_seq - v_count + e.n, p_at, e.kind, t.taker_order_id, t.taker_id,
    t.taker_side, e.price, t.quantity, t.maker_order_id, t.maker_id, e.reason, t.trade_id
  from (select p_trade.*) as t
  cross join lateral (
    values (1, 'BUST'::matching.event_kind, t.price::numeric, p_reason),
      (2, 'CORRECTED', p_replacement.price, null)
  ) as e (n, kind, price, reason)
  where e.n <= v_count;

  if v_count = 2 then
    p_replacement.seq := v_seq;
    p_replacement.trade_id := p_trade.symbol_id * c_ids_per_symbol + v_seq;
    insert into matching.trades select p_replacement.*;
  end if;
  perform matching.correct_volumes(p_trade, p_replacement);
  return p_replacement;
end;
$$;
comment on function matching.record_bust is
  'tells that a trade is busted, and what takes its place';
