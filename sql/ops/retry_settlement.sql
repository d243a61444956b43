-- Puts a settlement instruction that failed back in line. Raises: NFINS, STINS.
create or replace function ops.retry_settlement(
  p_id bigint,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return settlement.retry_instruction(p_segment_id, p_id, p_now);
end;
$$;
comment on function ops.retry_settlement is
  'retry_settlement(id): puts a failed instruction back in line';
revoke execute on function ops.retry_settlement from public;
grant execute on function ops.retry_settlement to pgsettle_operator;
