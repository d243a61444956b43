-- One withdrawal. Reads only. Raises: NFWDR when there is none.
create or replace function api.find_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint
) returns ledger.withdrawal_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row ledger.withdrawal_row;
begin
  select r.* into v_row
  from ledger.withdrawal_rows(p_segment_id, array[p_withdrawal_id]) as r;

  if not found then
    raise exception 'there is no withdrawal %', p_withdrawal_id
      using errcode = 'NFWDR', hint = 'UNKNOWN_WITHDRAWAL';
  end if;
  return v_row;
end;
$$;
comment on function api.find_withdrawal is 'one withdrawal; NFWDR when there is none';
revoke execute on function api.find_withdrawal from public;
grant execute on function api.find_withdrawal to pgsettle_app;
