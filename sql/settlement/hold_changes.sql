-- What holding the amounts of an instruction changes on the accounts, one change an account: each
-- side's are held and to go, the other's to come. Takes 1 to hold, -1 to give back. Reads nothing.
create or replace function settlement.hold_changes(
  p_instruction settlement.waiting_instructions,
  p_sign int
) returns ledger.account_change[]
language sql immutable
as $$
  select ledger.sum_changes(array_agg(
    row(c.participant_id, c.asset_id, 0, p_sign * c.due_out, p_sign * c.due_in, p_sign * c.due_out)
      ::ledger.account_change
  ))
  from (
    values
      (p_instruction.buyer_id, p_instruction.quote_asset_id,
        p_instruction.notional::numeric + p_instruction.buyer_fee, 0.0),
      (p_instruction.seller_id, p_instruction.base_asset_id, p_instruction.quantity::numeric, 0.0),
      (p_instruction.buyer_id, p_instruction.base_asset_id, 0, p_instruction.quantity::numeric),
      (p_instruction.seller_id, p_instruction.quote_asset_id, 0,
        p_instruction.notional::numeric - p_instruction.seller_fee)
  ) as c (participant_id, asset_id, due_out, due_in)
$$;
comment on function settlement.hold_changes is
  'what holding the amounts of an instruction changes on the accounts';
