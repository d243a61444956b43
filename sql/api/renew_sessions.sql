-- Puts off what happens when sessions are lost: each to its own time. Takes arrays of one length:
-- participants, their sessions, the times.
-- Returns which of the sessions are still open: the others were closed, or have fired, and stay so.
-- Writes: matching.cancel_timers, in the order of its key.
create or replace function api.renew_sessions(
  p_segment_id int,
  p_client_ids text[],
  p_session_ids text[],
  p_cancel_ats timestamptz[]
) returns table (
  client_id text,
  session_id text
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform
  from matching.cancel_timers as t
  join reference.participants as p
    on p.participant_id = t.participant_id
  join unnest(p_client_ids, p_session_ids) as s (client_id, session_id)
    on s.client_id = p.client_id
    and s.session_id = t.session_id
  where t.segment_id = p_segment_id
    and t.reason = 'DISCONNECT'
  order by t.participant_id, t.session_id
  for no key update of t;

  return query
  update matching.cancel_timers as t
  set cancel_at = s.cancel_at
  from unnest(p_client_ids, p_session_ids, p_cancel_ats) as s (client_id, session_id, cancel_at)
  join reference.participants as p
    on p.client_id = s.client_id
  where t.segment_id = p_segment_id
    and t.reason = 'DISCONNECT'
    and t.participant_id = p.participant_id
    and t.session_id = s.session_id
  returning p.client_id, t.session_id;
end;
$$;
comment on function api.renew_sessions is 'puts off what happens when sessions are lost';
revoke execute on function api.renew_sessions from public;
grant execute on function api.renew_sessions to pgsettle_app;
