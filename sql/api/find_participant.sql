-- One participant by code. Reads only. Raises NFPAR.
create or replace function api.find_participant(
  p_segment_id int,
  p_client_id text
) returns table (
  client_id text,
  name text,
  kind reference.participant_kind,
  trade_group text,
  created_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.client_id, p.name, p.kind, p.trade_group, p.created_at
  from reference.get_participant(p_client_id) as p
$$;
comment on function api.find_participant is 'one participant by code; NFPAR when there is none';
revoke execute on function api.find_participant from public;
grant execute on function api.find_participant to pgsettle_app;
