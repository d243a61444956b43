-- Puts a symbol into a group, null for none. Writes: reference.symbols. Raises: NFSYM, NFGRP, IVFEE
-- when the rebates of the group's fees are more than is paid at the symbol [LED-045].
create or replace function ops.set_symbol_group(
  p_symbol text,
  p_symbol_group text,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update reference.symbols as s
  set group_id = case when p_symbol_group is not null
    then (reference.get_symbol_group(p_symbol_group)).group_id end
  where s.symbol_id = (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  perform reference.check_rebates(p_segment_id, now());
end;
$$;
comment on function ops.set_symbol_group is
  'set_symbol_group(symbol, group): whose breaker stops it';
revoke execute on function ops.set_symbol_group from public;
grant execute on function ops.set_symbol_group to pgsettle_operator;
