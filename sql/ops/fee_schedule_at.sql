-- The schedule of fees that counted for a participant at a symbol at a time, among those that are
-- not of a group; null when none did. Found another way than reference.schedules_of. Reads only.
create or replace function ops.fee_schedule_at(
  p_segment_id int,
  p_symbol_id int,
  p_participant_id int,
  p_at timestamptz
) returns bigint
language sql stable
as $$
  select f.schedule_id
  from reference.fee_schedules as f
  where f.segment_id = p_segment_id
    and coalesce(f.participant_id = p_participant_id, true)
    and coalesce(f.symbol_id = p_symbol_id, true)
    and f.group_id is null
    and f.effective_from <= p_at
    and exists (
      select
      from reference.fee_rates as r
      where r.segment_id = f.segment_id
        and r.schedule_id = f.schedule_id
    )
    and not exists (
      select
      from reference.fee_schedules as g
      where g.segment_id = f.segment_id
        and (g.participant_id, g.symbol_id, g.group_id)
          is not distinct from (f.participant_id, f.symbol_id, f.group_id)
        and (g.effective_from, g.schedule_id) > (f.effective_from, f.schedule_id)
        and g.effective_from <= p_at
    )
  order by num_nonnulls(f.participant_id) * 2 + num_nonnulls(f.symbol_id) desc
  limit 1
$$;
comment on function ops.fee_schedule_at is
  'the schedule of fees that counted for a participant at a symbol at a time';
