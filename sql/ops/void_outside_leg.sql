-- Voids an outside leg on a person's word; see settlement.decide_outside_leg.
-- Raises: NFLEG, IVOPR, IVRSN, RJSLF, STLEG.
create or replace function ops.void_outside_leg(
  p_id bigint,
  p_by text,
  p_reason text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.decide_outside_leg(p_segment_id, p_id, 'VOIDED', p_by, p_reason, p_now);
end;
$$;
comment on function ops.void_outside_leg is
  'void_outside_leg(id, by, reason): it has not left: gives back what was held';
revoke execute on function ops.void_outside_leg from public;
grant execute on function ops.void_outside_leg to pgsettle_operator;
