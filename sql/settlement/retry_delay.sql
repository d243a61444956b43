-- How long after its n-th failure something is tried again: 2 s, 4 s, 8 s ... at most 5 min, plus
-- up to a quarter more that its id decides, so that many that failed together do not come back
-- together. Reads nothing.
create or replace function settlement.retry_delay(
  p_attempts int,
  p_id bigint
) returns interval
language sql immutable
as $$
  select make_interval(
    secs => least(300, 2 ^ least(p_attempts, 10)) * (1 + (p_id % 100) / 400.0)
  )
$$;
comment on function settlement.retry_delay is
  'how long after its n-th failure something is tried again';
