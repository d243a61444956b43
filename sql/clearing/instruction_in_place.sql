-- The instruction of a trade that takes the place of a busted one, as it is to stand: where that
-- stood and with its conditions, as far as it was not final; else alone, from now on.
-- Takes the row that was taken out (null: it was final), what was final of it, and the trade.
-- Computes only.
create or replace function clearing.instruction_in_place(
  p_rest settlement.waiting_instructions,
  p_final settlement.part,
  p_trade clearing.captured_trade,
  p_segment_id int,
  p_now timestamptz
) returns settlement.waiting_instructions
language plpgsql stable
as $$
declare
  v_new settlement.waiting_instructions := p_rest;
begin
  if p_rest.instruction_id is null then
    v_new.segment_id := p_segment_id;
    v_new.symbol_id := p_final.symbol_id;
    v_new.base_asset_id := p_final.base_asset_id;
    v_new.quote_asset_id := p_final.quote_asset_id;
    v_new.value_date := (p_now at time zone 'UTC')::date;
    v_new.due_at := p_now;
    v_new.priority := 1;
    v_new.is_conditional := true;
  end if;
  v_new.instruction_id := p_trade.trade_id;
  v_new.buyer_id := p_trade.buyer_id;
  v_new.seller_id := p_trade.seller_id;
  v_new.quantity := p_trade.quantity;
  v_new.notional := p_trade.notional;
  v_new.buyer_fee := p_trade.buyer_fee;
  v_new.seller_fee := p_trade.seller_fee;
  v_new.attempts := 0;
  v_new.created_at := p_now;
  v_new.status := 'PENDING';
  v_new.problem := null;
  v_new.settled_quantity := 0;
  v_new.settled_notional := 0;
  v_new.settled_buyer_fee := 0;
  v_new.settled_seller_fee := 0;
  v_new.reason := case
    when v_new.due_at > p_now or not v_new.is_conditional and v_new.netting_set is null
      then 'FUTURE_DATE'::settlement.pending_reason
    when v_new.netting_set is not null then 'NETTING'
    else coalesce(nullif(p_rest.reason, 'SYSTEM'), 'LINKED') end;
  v_new.next_attempt_at := case when v_new.window_id is not null then 'infinity'
    else greatest(p_now, v_new.due_at) end;
  return v_new;
end;
$$;
comment on function clearing.instruction_in_place is
  'the instruction of a trade that takes the place of a busted one';
