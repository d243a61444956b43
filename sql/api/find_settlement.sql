-- One settlement instruction with its legs. Reads only. Raises NFINS.
create or replace function api.find_settlement(
  p_segment_id int,
  p_settlement_id bigint
) returns settlement.instruction_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row settlement.instruction_row;
begin
  select r.* into v_row
  from settlement.instruction_rows(p_segment_id, array[p_settlement_id]) as r;

  if not found then
    raise exception 'there is no settlement instruction %', p_settlement_id
      using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT', column = 'settlement_id';
  end if;
  return v_row;
end;
$$;
comment on function api.find_settlement is 'one settlement instruction; NFINS when there is none';
revoke execute on function api.find_settlement from public;
grant execute on function api.find_settlement to pgsettle_app;
