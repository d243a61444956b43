-- Takes in the instruction that gives back what is final of another, of which the trade is busted:
-- the same amounts the other way, the fees from the house [BST-006]. It holds nothing, has
-- priority 1, and waits for what is lacking as any. Takes what was final, as a part. Returns its
-- id.
-- Writes: settlement.waiting_instructions, reversals, events.
create or replace function settlement.reverse(
  p_segment_id int,
  p_final settlement.part,
  p_now timestamptz
) returns bigint -- reversal id
language plpgsql volatile
as $$
declare
  v_id bigint := nextval('settlement.instruction_ids');
begin
  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at, is_prefunded, is_conditional, priority
  )
  values (
    p_segment_id, v_id, p_final.symbol_id, p_final.seller_id, p_final.buyer_id,
    p_final.base_asset_id, p_final.quote_asset_id, p_final.quantity, p_final.notional,
    -p_final.seller_fee, -p_final.buyer_fee, (p_now at time zone 'UTC')::date, p_now, 'LACK_ASSET',
    p_now, p_now, false, true, 1
  );
  insert into settlement.reversals (segment_id, reversal_id, instruction_id)
  values (p_segment_id, v_id, p_final.instruction_id);
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, v_id, p_now, 'REVERSES', p_final.instruction_id);
  return v_id;
end;
$$;
comment on function settlement.reverse is
  'takes in the instruction that gives back what is final of another';
