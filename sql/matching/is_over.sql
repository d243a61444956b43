-- Whether a resting order's time is over: it takes part in nothing at its expire_at or later. Only
-- an order of the day takes part in the closing call of its session, which ends when that session
-- closes or later [MAT-079]. Takes its session_rule (DAY for such an order), and whether it is
-- asked in, or at the end of, a call that closes the session. Reads nothing; is inlined.
create or replace function matching.is_over(
  p_expire_at timestamptz,
  p_session_rule matching.time_in_force_enum,
  p_in_close boolean,
  p_at timestamptz
) returns boolean
language sql immutable parallel safe
as $$
  select coalesce(p_expire_at <= p_at, false)
    and not (p_in_close and coalesce(p_session_rule = 'DAY', false))
$$;
comment on function matching.is_over is 'whether a resting order''s time is over';
