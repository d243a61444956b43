-- Why an order ends of which a prevented match leaves so much: null when something is left, by
-- DECREMENT, else the reason of its role. Reads nothing; is inlined. [MAT-042].
create or replace function matching.prevented_end(
  p_stp reference.stp_mode,
  p_left numeric,
  p_reason matching.end_reason
) returns matching.end_reason
language sql immutable parallel safe
as $$
  select case
    when p_left > 0 then null
    when p_stp = 'DECREMENT' then 'STP_DECREMENT'::matching.end_reason
    else p_reason
  end
$$;
comment on function matching.prevented_end is 'why an order ends that a prevented match leaves';
