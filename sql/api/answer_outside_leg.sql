-- Takes the result of an outside leg from its receiver, whose signature the caller has verified;
-- see settlement.answer_outside_leg. Returns the status that stands. Raises: NFLEG, IVOUT, STLEG.
create or replace function api.answer_outside_leg(
  p_segment_id int,
  p_external_id uuid,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return settlement.answer_outside_leg(
    p_segment_id, p_external_id, p_outcome, p_reason, p_reference, p_now
  );
end;
$$;
comment on function api.answer_outside_leg is
  'takes the result of an outside leg from its receiver';
revoke execute on function api.answer_outside_leg from public;
grant execute on function api.answer_outside_leg to pgsettle_app;
