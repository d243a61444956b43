-- The row of an outside leg, locked to the end of the transaction, for whoever decides about it.
-- Lock it before its withdrawal. Raises: NFLEG when there is none.
create or replace function settlement.lock_outside_leg(
  p_segment_id int,
  p_leg_id bigint
) returns settlement.outside_legs
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs;
begin
  select l.* into v_leg
  from settlement.outside_legs as l
  where l.segment_id = p_segment_id
    and l.leg_id = p_leg_id
  for no key update of l;

  if not found then
    raise exception 'there is no outside leg %', p_leg_id
      using errcode = 'NFLEG', hint = 'UNKNOWN_OUTSIDE_LEG';
  end if;
  return v_leg;
end;
$$;
comment on function settlement.lock_outside_leg is
  'the row of an outside leg, locked to be decided about';
