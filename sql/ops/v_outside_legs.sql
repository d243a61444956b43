-- Money that leaves the database, what a person must decide about first.
create or replace view ops.v_outside_legs as
select
  l.leg_id,
  l.status,
  p.client_id,
  a.asset,
  w.amount,
  l.withdrawal_id,
  l.adapter,
  l.external_id,
  l.attempts,
  l.next_attempt_at,
  l.worker,
  l.leased_until,
  l.token,
  l.reason,
  l.reference,
  w.requested_by,
  w.approved_by,
  l.created_at,
  l.ended_by,
  l.ended_at,
  l.disputed_at
from settlement.outside_legs as l
join ledger.withdrawals as w
  on w.segment_id = l.segment_id
  and w.withdrawal_id = l.withdrawal_id
join reference.participants as p
  on p.participant_id = w.participant_id
join reference.assets as a
  on a.asset_id = w.asset_id
order by l.status <> 'FAILED' and l.disputed_at is null, l.ended_at is not null, l.leg_id;
comment on view ops.v_outside_legs is
  'money that leaves the database: what a person must decide about first, then what is on its way';
