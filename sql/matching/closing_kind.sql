-- The event that a command ends with which was matched: refused for this, ended for that, or with
-- so much left. Reads nothing; is inlined.
create or replace function matching.closing_kind(
  p_refusal matching.refusal,
  p_reason matching.end_reason,
  p_left numeric
) returns matching.event_kind
language sql immutable parallel safe
as $$
  select case
    when p_refusal is not null then 'REJECTED'::matching.event_kind
    when p_reason is not null then matching.end_kind(p_reason)
    when p_left > 0 then 'OPENED'
    else 'FILLED'
  end
$$;
comment on function matching.closing_kind is 'the event that a matched command ends with';
