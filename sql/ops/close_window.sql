-- Closes the open window of a netting set; a worker settles it. Returns its id, null for none.
create or replace function ops.close_window(
  p_netting_set text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return clearing.close_window(p_segment_id, p_netting_set, p_now);
end;
$$;
comment on function ops.close_window is
  'close_window(set): closes the open window of a netting set; a worker settles it';
revoke execute on function ops.close_window from public;
grant execute on function ops.close_window to pgsettle_operator;
