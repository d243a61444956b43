-- Makes a set of symbols that settle in windows. NET: assets and cash by net; NET_CASH: assets by
-- trade, cash by net. MULTILATERAL: each with all others; BILATERAL: each pair by itself. Windows
-- close after window_length, null: by close_window().
--   select create_netting_set('equities', 'NET', 'MULTILATERAL', '1 hour');
-- Raises: STNET, IVNET.
create or replace function ops.create_netting_set(
  p_netting_set text,
  p_mode text default 'NET',
  p_scope text default 'MULTILATERAL',
  p_window_length interval default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into clearing.netting_sets (
    segment_id, netting_set, mode, scope, window_length, created_at
  )
  values (
    p_segment_id, p_netting_set, upper(p_mode)::clearing.netting_mode,
    upper(p_scope)::clearing.netting_scope, p_window_length, p_now
  );
exception
  when unique_violation then
    raise exception 'there is a netting set % already', p_netting_set
      using errcode = 'STNET', hint = 'NETTING_SET_EXISTS', column = 'netting_set';
  when data_exception or integrity_constraint_violation then
    raise exception 'a netting set cannot be %, % %', p_netting_set, p_mode, p_scope
      using errcode = 'IVNET', hint = 'BAD_NETTING_SET';
end;
$$;
comment on function ops.create_netting_set is
  'create_netting_set(name, mode, scope, window_length): symbols that are netted together';
revoke execute on function ops.create_netting_set from public;
grant execute on function ops.create_netting_set to pgsettle_operator;
