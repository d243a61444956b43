-- Calls those that waited for instructions of which the last part was settled now [SET-008]; after
-- what each waits for was written, because they may have been considered in the same pass.
-- Writes: settlement.waiting_instructions.
create or replace function settlement.wake_linked(
  p_segment_id int,
  p_now timestamptz,
  p_parts settlement.part[]
) returns void
language sql volatile
as $$
  update settlement.waiting_instructions as i
  set next_attempt_at = p_now
  from settlement.links as l, unnest(p_parts) as p
  where l.segment_id = p_segment_id
    and l.other_id = p.instruction_id
    and p.is_last
    and i.segment_id = l.segment_id
    and i.instruction_id = l.instruction_id
    and i.reason = 'LINKED'
    and i.status <> 'FAILED'
$$;
comment on function settlement.wake_linked is 'calls those that waited for what was settled now';
