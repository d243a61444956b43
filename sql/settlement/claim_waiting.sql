-- Claims up to p_limit of what waits and is due, for this transaction: what waited for its date,
-- and what failed before and is tried alone [SET-001]; not what has conditions. Returns the ids of
-- both.
-- Locks: the claimed rows, SKIP LOCKED.
create or replace function settlement.claim_waiting(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  out due_ids bigint[],
  out failed_ids bigint[]
)
language sql volatile
set enable_seqscan = off
as $$
  with claimed as materialized (
    select i.instruction_id, i.reason
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.status <> 'FAILED'
      and not i.is_conditional
      and i.netting_set is null
      and i.next_attempt_at <= p_now
    order by i.next_attempt_at, i.instruction_id
    limit p_limit
    for update skip locked
  )
  select
    coalesce(array_agg(c.instruction_id) filter (where c.reason <> 'SYSTEM'), '{}'),
    coalesce(array_agg(c.instruction_id) filter (where c.reason = 'SYSTEM'), '{}')
  from claimed as c
$$;
comment on function settlement.claim_waiting is 'claims what waits and is due';
