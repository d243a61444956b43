-- Puts a participant into a trade group, or into none; see reference.set_trade_group.
-- Raises: NFPAR; 23514 when the group's code is not one.
create or replace function ops.set_trade_group(
  p_client_id text,
  p_trade_group text
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform reference.set_trade_group(p_client_id, p_trade_group);
end;
$$;
comment on function ops.set_trade_group is
  'set_trade_group(client_id, group): those of one group do not trade with each other';
revoke execute on function ops.set_trade_group from public;
grant execute on function ops.set_trade_group to pgsettle_operator;
