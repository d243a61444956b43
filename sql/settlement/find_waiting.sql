-- An instruction that is not final, locked, out of the line, and of its window, so that conditions
-- can be set on it.
-- Whoever settles it ends first. Returns its row.
-- Locks: its row. Writes: settlement.pending_instructions, waiting_instructions.
-- Raises: NFINS when there is none, STINS when it is settled or cancelled, STLEG when it waits for
-- its outside leg.
create or replace function settlement.find_waiting(
  p_segment_id int,
  p_instruction_id bigint,
  p_now timestamptz
) returns settlement.waiting_instructions
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions;
  v_status settlement.instruction_status;
begin
  perform settlement.refuse_outside(p_segment_id, p_instruction_id);
  perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'LINKED');
  update settlement.waiting_instructions as i
  set is_conditional = true,
    netting_set = null,
    window_id = null,
    reason = case i.reason when 'NETTING' then 'LINKED' else i.reason end,
    next_attempt_at = greatest(p_now, i.due_at)
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
  returning i.* into v_instruction;
  if found then
    return v_instruction;
  end if;

  select i.status into v_status
  from settlement.instructions as i
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
    and i.status in ('SETTLED', 'CANCELLED');
  if found then
    raise exception 'instruction % is %', p_instruction_id, lower(v_status::text)
      using errcode = 'STINS',
        hint = case v_status when 'SETTLED' then 'ALREADY_SETTLED' else 'ALREADY_CANCELLED' end;
  end if;
  raise exception 'there is no instruction %', p_instruction_id
    using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT';
end;
$$;
comment on function settlement.find_waiting is 'an instruction that is not final, locked';
