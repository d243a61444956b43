-- Makes a group of symbols with the levels of its breaker, least fall first: the action CALL, with
-- its time, or HALT.
--   select create_symbol_group('US', 'America/New_York',
--     '[{"fall": 0.07, "action": "CALL", "time": "15 minutes"}, {"fall": 0.2, "action": "HALT"}]');
-- Returns its id. Writes: reference.symbol_groups, reference.breaker_levels. Raises: STGRP (there
-- already), IVGRP (no such time zone or action, or a level that cannot be).
create or replace function ops.create_symbol_group(
  p_symbol_group text,
  p_time_zone text,
  p_levels jsonb,
  p_now timestamptz default now()
) returns int -- group id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_group_id int;
begin
  perform p_now at time zone p_time_zone;
  insert into reference.symbol_groups (symbol_group, time_zone, created_at)
  values (p_symbol_group, p_time_zone, p_now)
  on conflict (symbol_group) do nothing
  returning group_id into v_group_id;
  if v_group_id is null then
    raise exception 'there is a group % already', p_symbol_group
      using errcode = 'STGRP', hint = 'GROUP_EXISTS', column = 'symbol_group';
  end if;

  insert into reference.breaker_levels (group_id, level_no, fall_rate, action, call_time)
  select
    v_group_id, l.n, (l.level ->> 'fall')::numeric,
    (l.level ->> 'action')::reference.breaker_action, (l.level ->> 'time')::interval
  from jsonb_array_elements(p_levels) with ordinality as l (level, n);
  return v_group_id;
exception when invalid_parameter_value or invalid_text_representation or invalid_datetime_format
  or not_null_violation or check_violation then
  raise exception 'the group % cannot be: %', p_symbol_group, sqlerrm
    using errcode = 'IVGRP', hint = 'BAD_GROUP';
end;
$$;
comment on function ops.create_symbol_group is
  'create_symbol_group(group, time_zone, levels): symbols that one index stops together';
revoke execute on function ops.create_symbol_group from public;
grant execute on function ops.create_symbol_group to pgsettle_operator;
