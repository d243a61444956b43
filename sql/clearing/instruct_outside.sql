-- Takes in a settlement instruction of which the DELIVERY or the PAYMENT is made outside, by a
-- custodian, a chain or a bank. The amounts of both sides are held at once; when who makes the leg
-- has confirmed it, both legs are posted together, and when it is voided, both are free again
-- [SET-040].
-- Takes the symbol, whose assets move, the quantity in base, the amount in quote, the leg and who
-- asks. Returns its id. Writes: settlement.waiting_instructions, events, outside_legs and theirs,
-- ledger.accounts. Locks: the accounts.
-- Raises: IVAMT, IVPAR; IVOUT for a leg that is none, or whose asset has no adapter; IVOPR; RJFND
-- when a side has not what it is to give.
create or replace function clearing.instruct_outside(
  p_symbol reference.symbols,
  p_seller_id int,
  p_buyer_id int,
  p_quantity numeric,
  p_notional numeric,
  p_leg text,
  p_by text,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
declare
  v_outside settlement.outside_assets;
  v_instruction settlement.waiting_instructions;
begin
  perform clearing.refuse_terms(p_symbol, p_seller_id, p_buyer_id, p_quantity, p_notional);
  perform ledger.refuse_operator(p_by);
  if (p_leg = 'DELIVERY' or p_leg = 'PAYMENT' and p_notional > 0) is not true then
    raise exception 'a leg is DELIVERY, or PAYMENT of an amount, not %', p_leg
      using errcode = 'IVOUT', hint = 'BAD_LEG', column = 'leg';
  end if;
  select o.* into v_outside
  from settlement.outside_assets as o
  where o.segment_id = p_symbol.segment_id
    and o.asset_id =
      case p_leg when 'DELIVERY' then p_symbol.base_asset_id else p_symbol.quote_asset_id end;
  if not found then
    raise exception 'the asset of the % leaves through no adapter', p_leg
      using errcode = 'IVOUT', hint = 'NOT_OUTSIDE', column = 'leg';
  end if;

  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at
  )
  values (
    p_symbol.segment_id, nextval('settlement.instruction_ids'), p_symbol.symbol_id, p_buyer_id,
    p_seller_id, p_symbol.base_asset_id, p_symbol.quote_asset_id, p_quantity, p_notional, 0, 0,
    (p_now at time zone 'UTC')::date, p_now, 'EXTERNAL', 'infinity', p_now
  )
  returning * into strict v_instruction;
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (
    p_symbol.segment_id, v_instruction.instruction_id, p_now, 'INSTRUCTED', p_leg || ' outside'
  );
  perform settlement.reserve_outside_leg(
    v_outside, p_leg, v_instruction.instruction_id, p_by, p_by, p_now
  );

  if not ledger.change_accounts(
    p_symbol.segment_id, settlement.hold_changes(v_instruction, 1)
  ) then
    raise exception 'a side has not what it is to give'
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS';
  end if;
  return v_instruction.instruction_id;
end;
$$;
comment on function clearing.instruct_outside is
  'takes in an instruction of which one leg is made outside; both sides are held';
