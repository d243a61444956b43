-- Turns trades into settlement instructions, one a trade, in the transaction that made the trades:
-- none can be missing, none can be there twice [CLR-001]. What is due today is next in line, or
-- joins the window of its netting set [CLR-004]; what is due later waits for its date [CLR-002].
-- Takes the trades: quantities in base, notionals and fees in quote.
-- Locks: the open window of a netting set, for share.
-- Writes: settlement.pending_instructions or waiting_instructions, clearing.windows.
create or replace function clearing.capture_trades(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_trades clearing.captured_trade[]
) returns void
language plpgsql volatile
as $$
declare
  v_value record := clearing.value_date(p_symbol, p_now);
  v_is_due boolean := v_value.due_at <= p_now;
  v_window_id bigint;
begin
  if v_is_due and p_symbol.netting_set is null then
    insert into settlement.pending_instructions (
      segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
      quantity, notional, buyer_fee, seller_fee, value_date, created_at
    )
    select
      p_symbol.segment_id, t.trade_id, p_symbol.symbol_id, t.buyer_id, t.seller_id,
      p_symbol.base_asset_id, p_symbol.quote_asset_id, t.quantity, t.notional, t.buyer_fee,
      t.seller_fee, v_value.value_date, p_now
    from unnest(p_trades) as t;
    return;
  end if;

  if v_is_due then
    v_window_id := clearing.open_window(p_symbol.segment_id, p_symbol.netting_set, p_now);
  end if;
  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at, netting_set, window_id
  )
  select
    p_symbol.segment_id, t.trade_id, p_symbol.symbol_id, t.buyer_id, t.seller_id,
    p_symbol.base_asset_id, p_symbol.quote_asset_id, t.quantity, t.notional, t.buyer_fee,
    t.seller_fee, v_value.value_date, p_now,
    case when v_is_due then 'NETTING'::settlement.pending_reason else 'FUTURE_DATE' end,
    case when v_is_due then 'infinity' else v_value.due_at end, v_value.due_at,
    p_symbol.netting_set, v_window_id
  from unnest(p_trades) as t;
end;
$$;
comment on function clearing.capture_trades is
  'one settlement instruction a trade, in the same transaction';
