-- Gives an instruction its priority among those that need the same money or assets: 1 is first, 4
-- usual. Raises: NFINS, STINS, IVPRI.
create or replace function ops.set_settlement_priority(
  p_id bigint,
  p_priority int,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.set_priority(p_segment_id, p_id, p_priority, p_now);
end;
$$;
comment on function ops.set_settlement_priority is
  'set_settlement_priority(id, priority): 1 settles first, 4 is usual';
revoke execute on function ops.set_settlement_priority from public;
grant execute on function ops.set_settlement_priority to pgsettle_operator;
