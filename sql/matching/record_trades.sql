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
  v_trade_ids bigint[];
  v_buyer_ids int[];
  v_seller_ids int[];
  v_notionals numeric[];
  v_buyer_fees numeric[];
  v_seller_fees numeric[];
begin
  insert into matching.trades
  select
    p_symbol.segment_id, v_first_id + f.seq, p_now, p_symbol.symbol_id, f.seq, f.price, f.quantity,
    f.taker_side, f.taker_order_id, f.maker_order_id, f.taker_id, f.maker_id, f.taker_fee,
    f.maker_fee
  from matching.fills(p_outcome) as f;

  select
    array_agg(v_first_id + f.seq), array_agg(f.buyer_id), array_agg(f.seller_id),
    array_agg(f.price * f.quantity), array_agg(f.buyer_fee), array_agg(f.seller_fee)
  into v_trade_ids, v_buyer_ids, v_seller_ids, v_notionals, v_buyer_fees, v_seller_fees
  from matching.fills(p_outcome) as f;

  perform clearing.capture_trades(
    p_symbol, p_now, v_trade_ids, v_buyer_ids, v_seller_ids, p_outcome.fill_quantities,
    v_notionals, v_buyer_fees, v_seller_fees
  );
end;
$$;
comment on function matching.record_trades is 'writes the trades of an outcome and their instructions';
