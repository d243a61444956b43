-- The phase that a calendar says for a moment; without a calendar CONTINUOUS, always [REF-001].
-- Reads only.
create or replace function reference.phase_at(
  p_calendar_id int,
  p_at timestamptz
) returns reference.symbol_phase
language sql stable
as $$
  select case when p_calendar_id is null then 'CONTINUOUS' else coalesce((
    select s.phase
    from reference.phase_steps(p_calendar_id, p_at, 0) as s
    where s.at <= p_at
    order by s.at desc
    limit 1
  ), 'CLOSED') end
$$;
comment on function reference.phase_at is 'the phase that a calendar says for a moment';
