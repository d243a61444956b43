-- Puts an outside leg aside: it stays held and is not sent again until a person decides [SET-043].
-- Takes its row, which the caller has locked, who gives it up and why.
-- Writes: settlement.outside_legs, its events.
create or replace function settlement.fail_outside_leg(
  p_leg settlement.outside_legs,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
begin
  update settlement.outside_legs as l
  set status = 'FAILED',
    reason = left(p_reason, 500),
    worker = null,
    leased_until = null,
    next_attempt_at = null
  where l.segment_id = p_leg.segment_id
    and l.leg_id = p_leg.leg_id;
  perform settlement.note_outside_leg(p_leg, 'FAILED', p_by, left(p_reason, 500), p_now);
end;
$$;
comment on function settlement.fail_outside_leg is
  'puts an outside leg aside until a person decides; it stays held';
