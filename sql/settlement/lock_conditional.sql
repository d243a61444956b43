-- Claims these instructions, what settles with them, and what lacks money or assets, up to p_limit
-- more. Locks: the claimed rows, SKIP LOCKED, so that an operator's act is not waited for.
create or replace function settlement.lock_conditional(
  p_segment_id int,
  p_limit int,
  p_due_ids bigint[]
) returns bigint[] -- instruction ids
language sql volatile
set enable_seqscan = off
as $$
  with recursive wanted as (
    select d.id
    from unnest(p_due_ids) as d (id)
    union
    (
      select i.instruction_id
      from settlement.waiting_instructions as i
      where i.segment_id = p_segment_id
        and i.is_conditional
        and i.reason in ('LACK_ASSET', 'LACK_CASH')
        and i.status <> 'FAILED'
        and p_due_ids <> '{}'
      order by i.priority, i.value_date, i.instruction_id
      limit p_limit
    )
    union
    select l.other_id
    from wanted as w
    join settlement.links as l
      on l.segment_id = p_segment_id
      and l.instruction_id = w.id
      and l.link = 'WITH'
  ), claimed as materialized (
    select i.instruction_id
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id = any (array(select w.id from wanted as w))
      and i.status <> 'FAILED'
    order by i.instruction_id
    for update skip locked
  )
  select coalesce(array_agg(c.instruction_id), '{}')
  from claimed as c
$$;
comment on function settlement.lock_conditional is 'claims instructions, and what they settle with';
