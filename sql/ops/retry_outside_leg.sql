-- Has an outside leg sent again; see settlement.retry_outside_leg. Returns when.
-- Raises: NFLEG, IVOPR, STLEG.
create or replace function ops.retry_outside_leg(
  p_id bigint,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns timestamptz
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return settlement.retry_outside_leg(p_segment_id, p_id, p_by, p_now);
end;
$$;
comment on function ops.retry_outside_leg is
  'retry_outside_leg(id, by): sends it again, under the same external id';
revoke execute on function ops.retry_outside_leg from public;
grant execute on function ops.retry_outside_leg to pgsettle_operator;
