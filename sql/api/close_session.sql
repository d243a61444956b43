-- Closes a session of a participant in good order: nothing is cancelled when it is gone [MAT-068].
-- Returns whether it was open. Writes: matching.cancel_timers. Raises: NFPAR.
create or replace function api.close_session(
  p_segment_id int,
  p_client_id text,
  p_session_id text
) returns boolean -- whether it was open
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from matching.cancel_timers as t
  where t.segment_id = p_segment_id
    and t.participant_id = (reference.get_participant(p_client_id)).participant_id
    and t.reason = 'DISCONNECT'
    and t.session_id = p_session_id;
  return found;
end;
$$;
comment on function api.close_session is 'closes a session in good order';
revoke execute on function api.close_session from public;
grant execute on function api.close_session to pgsettle_app;
