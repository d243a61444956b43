-- Puts an instruction that failed back in line and returns it. Raises: NFINS, STINS.
create or replace function api.retry_settlement(
  p_segment_id int,
  p_settlement_id bigint,
  p_now timestamptz
) returns settlement.instruction_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.retry_instruction(p_segment_id, p_settlement_id, p_now);
  return api.find_settlement(p_segment_id, p_settlement_id);
end;
$$;
comment on function api.retry_settlement is 'puts a failed settlement instruction back in line';
revoke execute on function api.retry_settlement from public;
grant execute on function api.retry_settlement to pgsettle_app;
