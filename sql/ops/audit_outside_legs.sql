-- Outside legs against what they are of: a withdrawal that is approved to leave, or an instruction
-- that waits for outside, has a leg that goes on; one that is posted or settled a leg that was
-- confirmed, at that time; one that is rejected or cancelled a leg that was voided. And no leg has
-- another. Each claim of a leg gave it a token. Returns what differs. Reads only.
create or replace function ops.audit_outside_legs() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with causes as (
    select
      w.segment_id, 'WITHDRAWAL' as cause, w.withdrawal_id as cause_id,
      case w.status when 'POSTED' then 'CONFIRMED' when 'REJECTED' then 'VOIDED' else 'OPEN' end
        as status,
      w.decided_at as ended_at
    from ledger.withdrawals as w
    where w.approved_by is not null
    union all
    select i.segment_id, 'INSTRUCTION', i.instruction_id, 'OPEN', null
    from settlement.waiting_instructions as i
    where i.reason = 'EXTERNAL'
    union all
    select s.segment_id, 'INSTRUCTION', s.instruction_id, 'CONFIRMED', s.settled_at
    from settlement.outside_legs as l
    join settlement.settled_instructions as s
      on s.segment_id = l.segment_id
      and s.instruction_id = l.instruction_id
    union all
    select c.segment_id, 'INSTRUCTION', c.instruction_id, 'VOIDED', c.cancelled_at
    from settlement.outside_legs as l
    join settlement.cancelled_instructions as c
      on c.segment_id = l.segment_id
      and c.instruction_id = l.instruction_id
  )
  select
    'outside leg', coalesce(l.leg_id::text, c.cause || ' ' || c.cause_id),
    concat_ws(' ', l.status, l.ended_at), concat_ws(' ', c.status, c.ended_at)
  from (
    select
      o.segment_id, o.leg_id, o.ended_at, coalesce(o.withdrawal_id, o.instruction_id) as cause_id,
      case when o.withdrawal_id is null then 'INSTRUCTION' else 'WITHDRAWAL' end as cause,
      case when o.status in ('CONFIRMED', 'VOIDED') then o.status else 'OPEN' end as status
    from settlement.outside_legs as o
  ) as l
  full join causes as c
    on c.segment_id = l.segment_id
    and c.cause = l.cause
    and c.cause_id = l.cause_id
  where row(l.status, l.ended_at) is distinct from row(c.status, c.ended_at)
  union all
  select 'outside leg tokens', l.leg_id::text, l.token::text, count(e.event_id)::text
  from settlement.outside_legs as l
  left join settlement.outside_leg_events as e
    on e.segment_id = l.segment_id
    and e.leg_id = l.leg_id
    and e.kind = 'SENT'
  group by l.segment_id, l.leg_id, l.token
  having count(e.event_id) <> l.token
$$;
comment on function ops.audit_outside_legs is
  'outside legs against what they are of; returns what differs';
