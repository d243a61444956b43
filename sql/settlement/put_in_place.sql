-- Takes in the instruction of a trade that takes the place of a busted one: where that was, with
-- its date, window, priority, and what its sides hold or release. Takes it as it is to be.
-- When it is due, the next pass of a worker brings it in line.
-- Writes: settlement.waiting_instructions, events.
create or replace function settlement.put_in_place(
  p_instruction settlement.waiting_instructions,
  p_now timestamptz
) returns void
language sql volatile
as $$
  insert into settlement.waiting_instructions select p_instruction.*;
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind)
  values (
    p_instruction.segment_id, p_instruction.instruction_id, p_now, 'REPLACES'
  )
$$;
comment on function settlement.put_in_place is
  'takes in the instruction of a trade that takes the place of a busted one';
