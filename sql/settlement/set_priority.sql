-- Gives an instruction that is not final its priority among those that compete for the same money
-- or assets: 1 first, 4 as usual [SET-006].
-- Locks: its row. Writes: settlement.waiting_instructions, events. Raises: NFINS, STINS, IVPRI.
create or replace function settlement.set_priority(
  p_segment_id int,
  p_instruction_id bigint,
  p_priority int,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
begin
  if (p_priority between 1 and 4) is not true then
    raise exception 'a priority is 1 to 4, not %', p_priority
      using errcode = 'IVPRI', hint = 'BAD_PRIORITY', column = 'priority';
  end if;

  perform settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
  update settlement.waiting_instructions as i
  set priority = p_priority
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, p_instruction_id, p_now, 'PRIORITY', p_priority::text);
end;
$$;
comment on function settlement.set_priority is 'gives an instruction its priority';
