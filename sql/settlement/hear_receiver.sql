-- Ends an outside leg on its receiver's word, CONFIRMED or VOIDED. When it has ended otherwise that
-- stands, and the leg is marked as disputed, for a person to look at [SET-044]. Takes its row,
-- which the caller has locked. Returns the status that stands.
-- Writes and locks: as settlement.end_outside_leg. Raises: IVOUT (no such result).
create or replace function settlement.hear_receiver(
  p_leg settlement.outside_legs,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
declare
  v_by text := 'outside:' || p_leg.adapter;
begin
  if (p_outcome in ('CONFIRMED', 'VOIDED')) is not true then
    raise exception 'a result is CONFIRMED or VOIDED, not %', p_outcome
      using errcode = 'IVOUT', hint = 'BAD_OUTCOME', column = 'status';
  elsif p_leg.ended_at is null or p_leg.status = p_outcome then
    return settlement.end_outside_leg(p_leg, p_outcome, v_by, p_reason, p_reference, p_now);
  end if;

  if p_leg.disputed_at is null then
    update settlement.outside_legs as l
    set disputed_at = p_now
    where l.segment_id = p_leg.segment_id
      and l.leg_id = p_leg.leg_id;
    perform settlement.note_outside_leg(
      p_leg, 'DISPUTED', v_by, concat_ws(' ', p_outcome, left(p_reason, 500)), p_now
    );
  end if;
  return p_leg.status;
end;
$$;
comment on function settlement.hear_receiver is
  'ends an outside leg on its receiver''s word; what ended otherwise stands, and is disputed';
