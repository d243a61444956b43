-- Writes down what happened to an outside leg, who did it and why. Takes the leg as it is by then.
-- Writes: settlement.outside_leg_events.
create or replace function settlement.note_outside_leg(
  p_leg settlement.outside_legs,
  p_kind text,
  p_by text,
  p_detail text,
  p_now timestamptz
) returns void
language sql volatile
as $$
  insert into settlement.outside_leg_events (segment_id, leg_id, at, kind, token, by, detail)
  values (p_leg.segment_id, p_leg.leg_id, p_now, p_kind, p_leg.token, p_by, p_detail)
$$;
comment on function settlement.note_outside_leg is 'writes down what happened to an outside leg';
