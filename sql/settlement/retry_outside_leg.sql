-- Has an outside leg sent again as soon as nobody is sending it, with all its attempts before it
-- again, under the same external id. Returns when. Takes who says so.
-- Writes: settlement.outside_legs, its events. Locks: the leg. Raises: NFLEG, IVOPR, STLEG (ended).
create or replace function settlement.retry_outside_leg(
  p_segment_id int,
  p_leg_id bigint,
  p_by text,
  p_now timestamptz
) returns timestamptz
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs := settlement.lock_outside_leg(p_segment_id, p_leg_id);
begin
  perform ledger.refuse_operator(p_by);
  if v_leg.ended_at is not null then
    raise exception 'outside leg % is % already', p_leg_id, v_leg.status
      using errcode = 'STLEG', hint = 'ALREADY_ENDED';
  end if;

  update settlement.outside_legs as l
  set status = case l.status when 'FAILED' then 'SENT' else l.status end,
    attempts = 0,
    next_attempt_at = greatest(p_now, l.leased_until)
  where l.segment_id = p_segment_id
    and l.leg_id = p_leg_id
  returning l.* into strict v_leg;
  perform settlement.note_outside_leg(v_leg, 'RETRIED', p_by, null, p_now);
  return v_leg.next_attempt_at;
end;
$$;
comment on function settlement.retry_outside_leg is 'has an outside leg sent again, now';
