-- Claims, for one pass, the instructions with conditions that are to be considered: those that are
-- due, or whose account something came to, and with them what lacks money or assets already, since
-- together they may settle [SET-009]; nothing, when nothing is due. At most p_limit, those that are
-- due first, and the groups that settle together whole. One pass at a time: another finds nothing.
-- Locks: advisory (4, segment), then the claimed rows.
create or replace function settlement.claim_conditional(
  p_segment_id int,
  p_now timestamptz,
  p_limit int
) returns bigint[] -- instruction ids
language plpgsql volatile
set enable_seqscan = off
as $$
declare
  c_lock_space constant int := 4;
  v_due_ids bigint[];
begin
  perform
  from settlement.waiting_instructions as i
  where i.segment_id = p_segment_id
    and i.is_conditional
    and i.status <> 'FAILED'
    and i.next_attempt_at <= p_now
  limit 1;
  if not found and not exists (
    select from ledger.waits as w where w.segment_id = p_segment_id and w.has_come
  ) or not pg_try_advisory_xact_lock(c_lock_space, p_segment_id) then
    return '{}';
  end if;

  with due as (
    select i.instruction_id, i.next_attempt_at
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.is_conditional
      and i.status <> 'FAILED'
      and i.next_attempt_at <= p_now
    union
    select i.instruction_id, i.next_attempt_at
    from ledger.waits as w
    join settlement.waiting_instructions as i
      on i.segment_id = w.segment_id
      and i.instruction_id = w.waiter_id
      and i.status <> 'FAILED'
    where w.segment_id = p_segment_id
      and w.has_come
  )
  select array_agg(d.instruction_id) into v_due_ids
  from (select * from due order by due.next_attempt_at, due.instruction_id limit p_limit) as d;

  return settlement.lock_conditional(p_segment_id, p_limit, coalesce(v_due_ids, '{}'));
end;
$$;
comment on function settlement.claim_conditional is
  'claims the instructions with conditions that are to be considered';
