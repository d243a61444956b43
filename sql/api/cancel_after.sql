-- Arms the dead-man switch of a participant: all its orders are cancelled after so many seconds,
-- unless this is called again before, which begins anew; 0 disarms it. It fires once and is off
-- then [MAT-067]. The workers fire it, see matching.fire_timers.
-- Returns when that will be, null when disarmed. Writes: matching.cancel_timers.
-- Raises: NFPAR; IVTMR when it is not from 0 seconds to a day.
create or replace function api.cancel_after(
  p_segment_id int,
  p_client_id text,
  p_seconds int,
  p_now timestamptz
) returns timestamptz -- when the orders are cancelled
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_day constant int := 86400;
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_cancel_at timestamptz := p_now + make_interval(secs => p_seconds);
begin
  if p_seconds is null or p_seconds not between 0 and c_day then
    raise exception 'a timer of % seconds', p_seconds
      using errcode = 'IVTMR', hint = 'BAD_TIMER', column = 'seconds';
  end if;

  if p_seconds = 0 then
    delete from matching.cancel_timers as t
    where t.segment_id = p_segment_id
      and t.participant_id = v_participant_id
      and t.reason = 'DEADMAN';
    return null;
  end if;

  insert into matching.cancel_timers as t (
    segment_id, participant_id, reason, session_id, cancel_at
  )
  values (p_segment_id, v_participant_id, 'DEADMAN', '', v_cancel_at)
  on conflict (segment_id, participant_id, reason, session_id) do update
  set cancel_at = excluded.cancel_at;
  return v_cancel_at;
end;
$$;
comment on function api.cancel_after is
  'cancels all orders of a participant after some time, unless it is called again before';
revoke execute on function api.cancel_after from public;
grant execute on function api.cancel_after to pgsettle_app;
