-- Makes a participant: a trading customer, in a trade group when given.
-- Writes: reference.participants.
-- Raises: STPAR when there is one with this code; 23514 when a code is not one.
create or replace function api.create_participant(
  p_segment_id int,
  p_client_id text,
  p_name text,
  p_now timestamptz,
  p_trade_group text default null
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
  return query
  insert into reference.participants as p (client_id, name, trade_group, created_at)
  values (p_client_id, coalesce(p_name, p_client_id), p_trade_group, p_now)
  on conflict do nothing
  returning p.client_id, p.name, p.kind, p.trade_group, p.created_at;

  if not found then
    raise exception 'there is a participant % already', p_client_id
      using errcode = 'STPAR', hint = 'PARTICIPANT_EXISTS', column = 'client_id';
  end if;
end;
$$;
comment on function api.create_participant is
  'makes a participant; STPAR when there is one already';
revoke execute on function api.create_participant from public;
grant execute on function api.create_participant to pgsettle_app;
