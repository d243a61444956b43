-- Puts a claimed instruction aside after an error: it waits longer after each attempt
-- (settlement.retry_delay), and after the last one it is FAILED, without a next attempt, until an
-- operator retries it [SET-003]. What comes to an account meanwhile does not call it earlier.
-- Writes: settlement.waiting_instructions, pending_instructions, ledger.waits.
create or replace function settlement.put_aside(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_id bigint,
  p_problem text
) returns void
language plpgsql volatile
as $$
declare
  c_max_attempts constant int := 8;
begin
  perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'SYSTEM');

  update settlement.waiting_instructions as i
  set attempts = i.attempts + 1,
    reason = 'SYSTEM',
    problem = left(p_problem, 500),
    status = case when i.attempts + 1 >= c_max_attempts then 'FAILED' else i.status end,
    next_attempt_at = case when i.attempts + 1 >= c_max_attempts then 'infinity'
      else p_now + settlement.retry_delay(i.attempts + 1, i.instruction_id) end
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  delete from ledger.waits as w
  where w.segment_id = p_segment_id
    and w.waiter_id = p_instruction_id;
end;
$$;
comment on function settlement.put_aside is
  'records a failed attempt at an instruction and when to try next';
