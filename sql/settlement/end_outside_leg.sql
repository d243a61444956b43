-- Ends an outside leg: CONFIRMED posts its withdrawal, VOIDED gives back what was held for it, once
-- [SET-040]. Takes its row, which the caller has locked, who says so, why, and what the receiver
-- calls it. The same result again changes nothing; another is refused: the first stands [SET-044].
-- Returns the status.
-- Writes: settlement.outside_legs, its events, what posting or giving back writes.
-- Locks: the withdrawal, the accounts, segment_state. Raises: STLEG.
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
declare
  v_withdrawal ledger.withdrawals;
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

  v_withdrawal := ledger.lock_withdrawal(p_leg.segment_id, p_leg.withdrawal_id, p_by);
  if p_status = 'CONFIRMED' then
    perform ledger.post_withdrawal(v_withdrawal, v_withdrawal.approved_by, p_now);
  else
    perform ledger.give_back(v_withdrawal, p_by, coalesce(left(p_reason, 500), 'voided'), p_now);
  end if;
  return p_status;
end;
$$;
comment on function settlement.end_outside_leg is
  'confirms or voids an outside leg, once: posts its withdrawal, or gives it back';
