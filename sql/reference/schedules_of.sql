-- The schedule of fees that counts for each of these participants at a symbol at a time: of those
-- in force the most specific [LED-040]. Of the schedules for the same participant and the same
-- symbols, that is in force which began last, of two that began together the one set last; one
-- without rates is as if there were none. Takes the participants, null for everybody's own.
-- Returns no row for who has none: what counts then is the symbol's own rates. Reads only.
create or replace function reference.schedules_of(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_participant_ids int[]
) returns table (
  participant_id int,
  schedule_id bigint
)
language sql volatile
rows 100
as $$
  with begun as (
    select distinct on (s.participant_id, s.symbol_id, s.group_id)
      s.participant_id, s.schedule_id, s.symbol_id is null as is_wide, s.group_id is null as is_open
    from reference.fee_schedules as s
    where s.segment_id = p_symbol.segment_id
      and (s.participant_id is null or s.participant_id = any (p_participant_ids))
      and (s.symbol_id = p_symbol.symbol_id or s.group_id = p_symbol.group_id
        or num_nonnulls(s.symbol_id, s.group_id) = 0)
      and s.effective_from <= p_at
    order by s.participant_id, s.symbol_id, s.group_id, s.effective_from desc, s.schedule_id desc
  ), best as materialized (
    select distinct on (b.participant_id) b.participant_id, b.schedule_id
    from begun as b
    where exists (
      select
      from reference.fee_rates as r
      where r.segment_id = p_symbol.segment_id
        and r.schedule_id = b.schedule_id
    )
    order by b.participant_id, b.is_wide, b.is_open
  )
  select i.id, coalesce(b.schedule_id, e.schedule_id)
  from (select distinct u.id from unnest(p_participant_ids) as u (id)) as i
  left join best as b
    on b.participant_id = i.id
  left join best as e
    on e.participant_id is null
  where coalesce(b.schedule_id, e.schedule_id) is not null
$$;
comment on function reference.schedules_of is
  'the schedule of fees that counts for each participant at a symbol at a time';
