-- Puts a participant into a trade group, or into none; see reference.set_trade_group.
-- Returns the participant. Raises: NFPAR; 23514 when the group's code is not one.
create or replace function api.set_trade_group(
  p_segment_id int,
  p_client_id text,
  p_trade_group text
) returns table (
  client_id text,
  name text,
  kind reference.participant_kind,
  trade_group text,
  created_at timestamptz
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform reference.set_trade_group(p_client_id, p_trade_group);
  return query select p.* from api.find_participant(p_segment_id, p_client_id) as p;
end;
$$;
comment on function api.set_trade_group is 'puts a participant into a trade group';
revoke execute on function api.set_trade_group from public;
grant execute on function api.set_trade_group to pgsettle_app;
