-- What an instruction waits for, apart from money and assets: its date, a side that holds it, the
-- cut-off of its assets, another instruction; null for nothing. Reads only.
create or replace function settlement.unmet_reason(
  p_instruction settlement.waiting_instructions,
  p_now timestamptz
) returns settlement.pending_reason
language sql stable
as $$
  select case
    when p_instruction.due_at > p_now then 'FUTURE_DATE'::settlement.pending_reason
    when p_instruction.seller_released <= p_instruction.settled_quantity then 'ON_HOLD_PARTY'
    when p_instruction.buyer_released <= p_instruction.settled_quantity
      then 'ON_HOLD_COUNTERPARTY'
    when settlement.next_open(
      array[p_instruction.base_asset_id, p_instruction.quote_asset_id], p_now
    ) > p_now then 'CUTOFF'
    when exists (
      select
      from settlement.links as l
      where l.segment_id = p_instruction.segment_id
        and l.instruction_id = p_instruction.instruction_id
        and l.link = 'AFTER'
        and not exists (
          select
          from settlement.settled_instructions as s
          where s.segment_id = l.segment_id
            and s.instruction_id = l.other_id
        )
    ) then 'LINKED' end
$$;
comment on function settlement.unmet_reason is 'what an instruction waits for, but funds';
