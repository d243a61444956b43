-- Ends an outside leg: CONFIRMED posts what it is of, VOIDED gives back what was held for it, once
-- [SET-040]. Takes its row, which the caller has locked, who says so, why, and what the receiver
-- calls it. The same result again changes nothing; another is refused: the first stands [SET-044].
-- Returns the status.
-- Writes: settlement.outside_legs, its events, what posting or giving back writes.
-- Locks: the withdrawal or the instruction, the accounts, segment_state. Raises: STLEG.
create or replace function settlement.end_outside_leg(
  p_leg settlement.outside_legs,
  p_status text,
  p_by text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
begin
  if p_leg.status = p_status then
    return p_status;
  elsif p_leg.ended_at is not null then
    raise exception 'outside leg % is % already', p_leg.leg_id, p_leg.status
      using errcode = 'STLEG', hint = 'ALREADY_ENDED';
  end if;

  update settlement.outside_legs as l
  set status = p_status,
    reason = left(p_reason, 500),
    reference = left(p_reference, 200),
    worker = null,
    leased_until = null,
    next_attempt_at = null,
    ended_at = p_now,
    ended_by = p_by
  where l.segment_id = p_leg.segment_id
    and l.leg_id = p_leg.leg_id;
  perform settlement.note_outside_leg(
    p_leg, p_status, p_by, concat_ws(' ', left(p_reason, 500), left(p_reference, 200)), p_now
  );

  if p_leg.kind = 'WITHDRAWAL' then
    perform settlement.end_withdrawal(p_leg, p_status, p_by, p_reason, p_now);
  else
    perform settlement.end_outside_instruction(p_leg, p_status, p_by, p_reason, p_now);
  end if;
  return p_status;
end;
$$;
comment on function settlement.end_outside_leg is
  'confirms or voids an outside leg, once: posts what it is of, or gives it back';
