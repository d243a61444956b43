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
    case when f.bought then 'BUY'::matching.order_side_enum else 'SELL' end, f.taker_order_id,
    f.maker_order_id, f.taker_id, f.maker_id, f.taker_fee, f.maker_fee,
    (f.taker_charge).taker_rate, (f.maker_charge).maker_rate, (f.taker_charge).fee_id,
    (f.maker_charge).fee_id
  from unnest(p_outcome.fills) as f;

  perform clearing.capture_trades(p_symbol, p_now, array(
    select row(
      v_first_id + f.seq, case when f.bought then f.taker_id else f.maker_id end,
      case when f.bought then f.maker_id else f.taker_id end, f.quantity, f.price * f.quantity,
      case when f.bought then f.taker_fee else f.maker_fee end,
      case when f.bought then f.maker_fee else f.taker_fee end
    )::clearing.captured_trade
    from unnest(p_outcome.fills) as f
  ));
end;
$$;
comment on function matching.record_trades is
  'writes the trades of an outcome and their instructions';
