-- Cancels what is left of an instruction that no trade of the venue made, on the word of both its
-- sides. What is final of it stays. Locks: its row, links. Writes: settlement.waiting_instructions,
-- cancelled_instructions, links, events, ledger.waits.
-- Raises: NFINS, STINS; STTRD for a trade of the venue, which is locked in, or its reversal.
create or replace function settlement.cancel_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  c_first_trade_id constant bigint := 1000000000000;
  v_instruction settlement.waiting_instructions :=
    settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
begin
  if v_instruction.is_prefunded or p_instruction_id > c_first_trade_id or exists (
    select
    from settlement.reversals as r
    where r.segment_id = p_segment_id
      and r.reversal_id = p_instruction_id
  ) then
    raise exception 'instruction % is of a trade of the venue: it is locked in', p_instruction_id
      using errcode = 'STTRD', hint = 'LOCKED_IN';
  end if;

  delete from settlement.waiting_instructions as i
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  delete from ledger.waits as w
  where w.segment_id = p_segment_id
    and w.waiter_id = p_instruction_id;
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by
  )
  values (
    p_segment_id, p_instruction_id, v_instruction.symbol_id, v_instruction.buyer_id,
    v_instruction.seller_id, v_instruction.base_asset_id, v_instruction.quote_asset_id,
    v_instruction.quantity, v_instruction.notional, v_instruction.buyer_fee,
    v_instruction.seller_fee, v_instruction.value_date, v_instruction.attempts,
    v_instruction.created_at, p_now, p_reason, p_by
  );

  -- Nobody waits for what will not come.
  with gone as (
    delete from settlement.links as l
    where l.segment_id = p_segment_id
      and p_instruction_id in (l.instruction_id, l.other_id)
    returning l.instruction_id
  )
  update settlement.waiting_instructions as i
  set next_attempt_at = greatest(p_now, i.due_at)
  from gone as g
  where i.segment_id = p_segment_id
    and i.instruction_id = g.instruction_id
    and i.reason = 'LINKED';
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, p_instruction_id, p_now, 'CANCELLED', p_by || ': ' || p_reason);
end;
$$;
comment on function settlement.cancel_instruction is
  'cancels what is left of an instruction that no trade of the venue made';
