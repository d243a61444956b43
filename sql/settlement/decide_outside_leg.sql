-- Ends an outside leg on a person's word: CONFIRMED when it has left by whatever way, VOIDED when
-- it has not and will not. Takes who says so and why. It is another than who asked for it
-- [SET-044], who may only take back what was never sent. What a worker is sending at the moment is
-- not voided. Returns the status. Writes and locks: as settlement.end_outside_leg, and the leg
-- before. Raises: NFLEG, IVOPR, IVRSN, RJSLF (who asked), STLEG (a worker has it, or it ended
-- otherwise).
create or replace function settlement.decide_outside_leg(
  p_segment_id int,
  p_leg_id bigint,
  p_status text,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs := settlement.lock_outside_leg(p_segment_id, p_leg_id);
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  if lower(v_leg.requested_by) = lower(p_by)
    and not (p_status = 'VOIDED' and v_leg.status in ('RESERVED', 'VOIDED'))
  then
    raise exception 'who asked for an outside leg may not say what became of it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  elsif p_status = 'VOIDED' and v_leg.leased_until > p_now then
    raise exception 'outside leg % is being sent until %', p_leg_id, v_leg.leased_until
      using errcode = 'STLEG', hint = 'BEING_SENT';
  end if;
  return settlement.end_outside_leg(v_leg, p_status, p_by, p_reason, null, p_now);
end;
$$;
comment on function settlement.decide_outside_leg is
  'confirms or voids an outside leg on a person''s word';
