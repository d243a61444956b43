-- When the session closes that an order entered at p_at belongs to; entered while it is closed,
-- that is the next session. Without a calendar a session is a day of UTC [REF-003]. Reads only.
create or replace function reference.session_close(
  p_calendar_id int,
  p_at timestamptz
) returns timestamptz
language sql stable
as $$
  select case
    when p_calendar_id is null
      then ((p_at at time zone 'UTC')::date + 1)::timestamp at time zone 'UTC'
    else (reference.next_phase(p_calendar_id, p_at, 'CLOSED')).at end
$$;
comment on function reference.session_close is 'when the session of an order entered now closes';
