-- Makes the outside leg of what the caller has held: a WITHDRAWAL, or the DELIVERY or PAYMENT of an
-- instruction [SET-040]. Takes the cause by its id, through which adapter it leaves, who asked for
-- it and who lets it leave. Writes: settlement.outside_legs, its events.
create or replace function settlement.reserve_outside_leg(
  p_outside settlement.outside_assets,
  p_kind text,
  p_cause_id bigint,
  p_requested_by text,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs;
begin
  insert into settlement.outside_legs (
    segment_id, leg_id, kind, withdrawal_id, instruction_id, requested_by, adapter,
    answer_within, next_attempt_at, created_at
  )
  values (
    p_outside.segment_id, nextval('settlement.outside_leg_ids'), p_kind,
    case when p_kind = 'WITHDRAWAL' then p_cause_id end,
    case when p_kind <> 'WITHDRAWAL' then p_cause_id end,
    p_requested_by, p_outside.adapter, p_outside.answer_within, p_now, p_now
  )
  returning * into strict v_leg;
  perform settlement.note_outside_leg(v_leg, 'RESERVED', p_by, null, p_now);
end;
$$;
comment on function settlement.reserve_outside_leg is 'makes the outside leg of what is held';
