-- Takes an instruction that will never settle out of what waits. What is final of it stays, and
-- nobody waits for it any longer. Takes its row, which the caller has locked, who says so and why.
-- Writes: settlement.waiting_instructions, cancelled_instructions, links, events, ledger.waits.
create or replace function settlement.remove_instruction(
  p_instruction settlement.waiting_instructions,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
begin
  delete from settlement.waiting_instructions as i
  where i.segment_id = p_instruction.segment_id
    and i.instruction_id = p_instruction.instruction_id;
  delete from ledger.waits as w
  where w.segment_id = p_instruction.segment_id
    and w.waiter_id = p_instruction.instruction_id;
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by
  )
  values (
    p_instruction.segment_id, p_instruction.instruction_id, p_instruction.symbol_id,
    p_instruction.buyer_id, p_instruction.seller_id, p_instruction.base_asset_id,
    p_instruction.quote_asset_id,
    p_instruction.quantity, p_instruction.notional, p_instruction.buyer_fee,
    p_instruction.seller_fee, p_instruction.value_date, p_instruction.attempts,
    p_instruction.created_at, p_now, p_reason, p_by
  );

  -- Nobody waits for what will not come.
  with gone as (
    delete from settlement.links as l
    where l.segment_id = p_instruction.segment_id
      and p_instruction.instruction_id in (l.instruction_id, l.other_id)
    returning l.instruction_id
  )
  update settlement.waiting_instructions as i
  set next_attempt_at = greatest(p_now, i.due_at)
  from gone as g
  where i.segment_id = p_instruction.segment_id
    and i.instruction_id = g.instruction_id
    and i.reason = 'LINKED';
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (
    p_instruction.segment_id, p_instruction.instruction_id, p_now, 'CANCELLED',
    p_by || ': ' || p_reason
  );
end;
$$;
comment on function settlement.remove_instruction is
  'takes an instruction that will never settle out of what waits';
