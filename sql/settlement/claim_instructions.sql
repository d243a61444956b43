-- Claims up to p_limit due instructions for this transaction, in the order of their ids after
-- p_after_id. What another worker has claimed is passed over; the claim ends with the transaction,
-- so a killed worker leaves nothing behind [SET-001].
-- A caller that goes on from the last id it claimed, and wraps round, gives every symbol its turn.
-- Locks: the claimed rows. The CTE is materialized: without it a nested loop can claim more than
-- the limit (measured on PostgreSQL 15: 200 rows for a limit of 5).
create or replace function settlement.claim_instructions(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  p_after_id bigint
) returns bigint[] -- instruction ids
language sql volatile
as $$
  with claimed as materialized (
    select i.instruction_id
    from settlement.pending_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id > p_after_id
      and i.status <> 'FAILED'
      and i.next_attempt_at <= p_now
    order by i.instruction_id
    limit p_limit
    for update skip locked
  )
  select coalesce(array_agg(c.instruction_id), '{}')
  from claimed as c
$$;
comment on function settlement.claim_instructions is
  'claims due instructions with FOR UPDATE SKIP LOCKED until the end of the transaction';
