-- Says how much more of an instruction a side lets settle: 0 holds it, null releases all of it.
-- What is final stays so. Returns its row. Either side may hold again what is not final yet
-- [SET-011]. Takes the quantity in base, a multiple of the symbol's lot.
-- Locks: its row. Writes: settlement.waiting_instructions, events.
-- Raises: NFINS, STINS, IVQTY for a quantity that is not a multiple of the lot, or more than is
-- left.
create or replace function settlement.release_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_is_buyer boolean,
  p_quantity numeric,
  p_now timestamptz
) returns settlement.waiting_instructions
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions :=
    settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
  v_lot_size numeric;
  v_released numeric := v_instruction.settled_quantity + p_quantity;
begin
  select s.lot_size into strict v_lot_size
  from reference.symbols as s
  where s.symbol_id = v_instruction.symbol_id;

  if p_quantity is not null and (
    p_quantity >= 0 and p_quantity % v_lot_size = 0 and v_released <= v_instruction.quantity
  ) is not true then
    raise exception 'of instruction % at most % can be released, in lots of %, not %',
      p_instruction_id, v_instruction.quantity - v_instruction.settled_quantity, v_lot_size,
      p_quantity using errcode = 'IVQTY', hint = 'BAD_QUANTITY', column = 'quantity';
  end if;

  update settlement.waiting_instructions as i
  set buyer_released = case when p_is_buyer then v_released else i.buyer_released end,
    seller_released = case when p_is_buyer then i.seller_released else v_released end
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  update settlement.waiting_instructions as i
  set reason = case when i.status = 'FAILED' then i.reason
    else coalesce(settlement.unmet_reason(i, p_now), i.reason) end
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
  returning i.* into v_instruction;

  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (
    p_segment_id, p_instruction_id, p_now, case when p_quantity = 0 then 'HELD' else 'RELEASED' end,
    concat_ws(' ', case when p_is_buyer then 'BUYER' else 'SELLER' end, nullif(p_quantity, 0))
  );
  return v_instruction;
end;
$$;
comment on function settlement.release_instruction is
  'says how much of an instruction a side lets settle: 0 holds it, null releases all';
