-- Outside legs against their withdrawals: one that is approved to leave has a leg that goes on, one
-- that is posted or rejected a leg that was confirmed or voided, and no leg has another. Returns
-- what differs. Reads only.
create or replace function ops.audit_outside_legs() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select
    'outside leg', coalesce(l.withdrawal_id, w.withdrawal_id)::text, l.status, w.status
  from (
    select
      o.segment_id, o.withdrawal_id, o.status,
      case o.status when 'CONFIRMED' then 'POSTED' when 'VOIDED' then 'REJECTED' else 'PENDING' end
        as withdrawal_status
    from settlement.outside_legs as o
  ) as l
  full join (
    select v.segment_id, v.withdrawal_id, v.status::text
    from ledger.withdrawals as v
    where v.approved_by is not null
  ) as w
    on w.segment_id = l.segment_id
    and w.withdrawal_id = l.withdrawal_id
  where l.withdrawal_status is distinct from w.status
  union all
  select 'outside leg ended', l.leg_id::text, l.ended_at::text, w.decided_at::text
  from settlement.outside_legs as l
  join ledger.withdrawals as w
    on w.segment_id = l.segment_id
    and w.withdrawal_id = l.withdrawal_id
  where l.ended_at is distinct from w.decided_at
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
  'outside legs against their withdrawals; returns what differs';
