-- Ends the instruction of an outside leg: CONFIRMED settles it, delivery against payment, in one
-- journal [SET-002]; VOIDED cancels it and gives back what was held for both sides. The caller has
-- the leg locked, and it had not ended.
-- Writes: settlement.waiting_instructions, what settling or cancelling writes, ledger.accounts.
-- Locks: the instruction, the accounts, segment_state.
create or replace function settlement.end_outside_instruction(
  p_leg settlement.outside_legs,
  p_status text,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions;
begin
  select i.* into strict v_instruction
  from settlement.waiting_instructions as i
  where i.segment_id = p_leg.segment_id
    and i.instruction_id = p_leg.instruction_id
  for update;

  if p_status = 'VOIDED' then
    perform settlement.remove_instruction(
      v_instruction, coalesce(left(p_reason, 500), 'voided'), p_by, p_now
    );
    if not ledger.change_accounts(
      p_leg.segment_id, settlement.hold_changes(v_instruction, -1)
    ) then
      raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
    end if;
    return;
  end if;

  -- In line for no longer than this transaction: nobody else sees it there.
  delete from settlement.waiting_instructions as i
  where i.segment_id = p_leg.segment_id
    and i.instruction_id = p_leg.instruction_id;
  insert into settlement.pending_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at
  )
  values (
    v_instruction.segment_id, v_instruction.instruction_id, v_instruction.symbol_id,
    v_instruction.buyer_id, v_instruction.seller_id, v_instruction.base_asset_id,
    v_instruction.quote_asset_id, v_instruction.quantity, v_instruction.notional,
    v_instruction.buyer_fee, v_instruction.seller_fee, v_instruction.value_date,
    v_instruction.attempts, v_instruction.created_at
  );
  perform settlement.settle_instructions(
    p_leg.segment_id, p_now, array[p_leg.instruction_id]
  );
end;
$$;
comment on function settlement.end_outside_instruction is
  'settles the instruction of an outside leg, or cancels it';
