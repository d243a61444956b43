-- Puts a FAILED or waiting instruction back in line, with all its attempts before it again.
-- Returns its id. Writes: settlement.pending_instructions. Locks: its row.
-- Raises: NFINS when there is none, STINS when it is settled already.
create or replace function settlement.retry_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
begin
  update settlement.pending_instructions as i
  set status = 'PENDING',
    attempts = 0,
    next_attempt_at = p_now
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;

  if found then
    return p_instruction_id;
  end if;

  perform
  from settlement.settled_instructions as s
  where s.segment_id = p_segment_id
    and s.instruction_id = p_instruction_id;

  if found then
    raise exception 'instruction % is settled', p_instruction_id
      using errcode = 'STINS', hint = 'ALREADY_SETTLED';
  end if;
  raise exception 'there is no instruction %', p_instruction_id
    using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT';
end;
$$;
comment on function settlement.retry_instruction is 'puts an instruction that failed back in line';
