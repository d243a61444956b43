-- Writes the trades of an outcome, and hands them to clearing: an instruction a trade, in the same
-- transaction. Writes: matching.trades, settlement.pending_instructions.
create or replace function matching.record_trades(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_first_id bigint := p_symbol.symbol_id * c_ids_per_symbol;
begin
  insert into matching.trades
  select
    p_symbol.segment_id, v_first_id + f.seq, p_now, p_symbol.symbol_id, f.seq, f.price, f.quantity,
    f.taker_side, f.taker_order_id, f.maker_order_id, f.taker_id, f.maker_id, f.taker_fee,
    f.maker_fee
  from matching.fills(p_outcome) as f;

  perform clearing.capture_trades(p_symbol, p_now, array(
    select row(
      v_first_id + f.seq, f.buyer_id, f.seller_id, f.quantity, f.price * f.quantity, f.buyer_fee,
      f.seller_fee
    )::clearing.captured_trade
    from matching.fills(p_outcome) as f
  ));
end;
$$;
comment on function matching.record_trades is
  'writes the trades of an outcome and their instructions';
