-- Opens a session of a participant, or takes it over: all orders of the participant are cancelled
-- at p_cancel_at, unless the session puts that off by api.renew_sessions, or is closed [MAT-068].
-- Writes: matching.cancel_timers. Raises: NFPAR; 23514 when the id is not a key.
create or replace function api.open_session(
  p_segment_id int,
  p_client_id text,
  p_session_id text,
  p_cancel_at timestamptz
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  insert into matching.cancel_timers as t (
    segment_id, participant_id, reason, session_id, cancel_at
  )
  values (p_segment_id, v_participant_id, 'DISCONNECT', p_session_id, p_cancel_at)
  on conflict (segment_id, participant_id, reason, session_id) do update
  set cancel_at = excluded.cancel_at;
end;
$$;
comment on function api.open_session is
  'opens a session: when it is lost, the orders of its participant are cancelled';
revoke execute on function api.open_session from public;
grant execute on function api.open_session to pgsettle_app;
