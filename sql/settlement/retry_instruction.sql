-- Puts a FAILED or waiting instruction back in line, with all its attempts before it again.
-- Returns its id. What of it is final stays so. What waits for a date goes on to wait for it; what
-- is in line already, stays.
-- Writes: settlement.waiting_instructions. Locks: its row.
-- Raises: NFINS when there is none, STINS when it is settled already, or cancelled.
create or replace function settlement.retry_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
declare
  v_status settlement.instruction_status;
begin
  -- Whoever has it claimed ends first; it may be put aside meanwhile, and wait then.
  for v_try in 1..2 loop
    update settlement.waiting_instructions as i
    set status = case when i.settled_quantity > 0 then 'PARTIALLY_SETTLED'
        else 'PENDING' end::settlement.instruction_status,
      attempts = case i.reason when 'SYSTEM' then 0 else i.attempts end,
      next_attempt_at = case
        when i.is_conditional or i.reason = 'SYSTEM' then p_now else i.next_attempt_at end
    where i.segment_id = p_segment_id
      and i.instruction_id = p_instruction_id;
    if found then
      return p_instruction_id;
    end if;

    perform
    from settlement.pending_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id = p_instruction_id
    for update;
    if found then
      return p_instruction_id;
    end if;
  end loop;

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
comment on function settlement.retry_instruction is 'puts an instruction that failed back in line';
