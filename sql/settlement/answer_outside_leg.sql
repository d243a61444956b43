-- The result of an outside leg that its receiver sends by itself, by the external id: CONFIRMED or
-- VOIDED [SET-044]. The caller has seen that it is the receiver's word. Returns the status that
-- stands. Writes and locks: as settlement.hear_receiver, and the leg before.
-- Raises: NFLEG, IVOUT (no such result), STLEG (never sent).
create or replace function settlement.answer_outside_leg(
  p_segment_id int,
  p_external_id uuid,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs;
begin
  select l.* into v_leg
  from settlement.outside_legs as l
  where l.segment_id = p_segment_id
    and l.external_id = p_external_id
  for no key update of l;

  if not found then
    raise exception 'there is no outside leg of external id %', p_external_id
      using errcode = 'NFLEG', hint = 'UNKNOWN_OUTSIDE_LEG', column = 'external_id';
  elsif v_leg.status = 'RESERVED' then
    raise exception 'outside leg % was never sent', v_leg.leg_id
      using errcode = 'STLEG', hint = 'NOT_SENT';
  end if;
  return settlement.hear_receiver(v_leg, p_outcome, p_reason, p_reference, p_now);
end;
$$;
comment on function settlement.answer_outside_leg is
  'the result of an outside leg that its receiver sends, by the external id';
