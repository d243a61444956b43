-- Busts a trade that another operator asked to bust, or corrects it, all in this transaction: the
-- events, the trade that takes its place, what it left to settle and what it settled [BST-001]. The
-- same approval again is answered as the first time.
-- Locks: the row of the bust, advisory (4, segment), the symbol, then as clearing.bust_trade.
-- Writes: matching.trade_busts, events, trades, symbol_state, and all of the settlement.
-- Raises: NFBST, IVOPR, RJSLF (who asked), STBST (it is decided already), STISO when the
-- transaction is not READ COMMITTED.
create or replace function matching.approve_bust(
  p_segment_id int,
  p_bust_id bigint,
  p_by text,
  p_now timestamptz
) returns matching.trade_busts
language plpgsql volatile
as $$
declare
  c_settlement_space constant int := 4;
  v_bust matching.trade_busts := matching.lock_bust(p_segment_id, p_bust_id, p_by, 'DONE');
  v_symbol reference.symbols;
  v_trade matching.trades;
  v_replacement matching.trades;
  v_in_place clearing.captured_trade;
begin
  if v_bust.status = 'DONE' then
    return v_bust;
  elsif lower(v_bust.requested_by) = lower(p_by) then
    raise exception 'who asked for a bust may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  end if;
  perform pg_advisory_xact_lock(c_settlement_space, p_segment_id);
  perform matching.lock_symbol(p_segment_id, v_bust.symbol_id);

  v_trade := matching.find_trade(p_segment_id, v_bust.trade_id);
  if v_bust.new_price is not null then
    select s.* into strict v_symbol from reference.symbols as s
    where s.symbol_id = v_bust.symbol_id;
    v_replacement := matching.replacement_of(v_symbol, v_trade, v_bust.new_price);
  end if;
  v_replacement := matching.record_bust(v_trade, v_replacement, v_bust.reason, p_now);

  update matching.trade_busts as b
  set status = 'DONE',
    decided_by = p_by,
    decided_at = p_now,
    seq = coalesce(v_replacement.seq - 1, (
      select s.last_seq
      from matching.symbol_state as s
      where s.segment_id = p_segment_id
        and s.symbol_id = b.symbol_id
    )),
    replacement_id = v_replacement.trade_id
  where b.segment_id = p_segment_id
    and b.bust_id = p_bust_id
  returning b.* into strict v_bust;

  if v_replacement.trade_id is not null then
    v_in_place := matching.captured(v_replacement);
  end if;
  perform clearing.bust_trade(p_segment_id, v_bust.trade_id, v_in_place, p_by, p_now);
  return v_bust;
end;
$$;
comment on function matching.approve_bust is
  'busts or corrects a trade that another operator asked to bust';
