-- Takes in a settlement instruction that no trade of the venue made: a trade done elsewhere, or a
-- delivery free of payment. Nothing is held for it: it settles when both sides can pay, from its
-- value date on [SET-006]. Both sides have agreed: it is matched.
-- Takes the symbol, whose assets move, the quantity in base, the amount in quote (0: free of
-- payment), the value date (null: that of a trade made now) and a priority of 1 to 4.
-- Returns its id. Writes: settlement.waiting_instructions, events.
-- Raises: NFSYM, NFPAR; IVAMT for an amount that is not a multiple of its unit, IVPAR for one that
-- would deliver to itself, IVPRI.
create or replace function clearing.instruct(
  p_symbol reference.symbols,
  p_seller_id int,
  p_buyer_id int,
  p_quantity numeric,
  p_notional numeric,
  p_value_date date,
  p_priority int,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
declare
  v_id bigint := nextval('settlement.instruction_ids');
  v_value record := clearing.value_date(p_symbol, p_now);
  v_due_at timestamptz := v_value.due_at;
begin
  perform clearing.refuse_terms(p_symbol, p_seller_id, p_buyer_id, p_quantity, p_notional);
  if (p_priority between 1 and 4) is not true then
    raise exception 'a priority is 1 to 4, not %', p_priority
      using errcode = 'IVPRI', hint = 'BAD_PRIORITY', column = 'priority';
  end if;
  if p_value_date is not null then
    -- Not so many times 24 hours: clocks may change between.
    v_due_at := reference.day_start(
      coalesce(p_symbol.settlement_calendar_id, p_symbol.calendar_id), p_value_date
    );
  end if;

  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at, is_prefunded, is_conditional, priority, netting_set
  )
  values (
    p_symbol.segment_id, v_id, p_symbol.symbol_id, p_buyer_id, p_seller_id, p_symbol.base_asset_id,
    p_symbol.quote_asset_id, p_quantity, p_notional, 0, 0,
    coalesce(p_value_date, v_value.value_date), p_now,
    case when v_due_at > p_now then 'FUTURE_DATE'::settlement.pending_reason
      when p_symbol.netting_set is null then 'LACK_ASSET' else 'NETTING' end,
    greatest(v_due_at, p_now), v_due_at, false, p_symbol.netting_set is null,
    p_priority, p_symbol.netting_set
  );
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind)
  values (p_symbol.segment_id, v_id, p_now, 'INSTRUCTED');
  return v_id;
end;
$$;
comment on function clearing.instruct is
  'takes in a settlement instruction that no trade of the venue made';
