-- What leaves the database, what a person must decide about first.
create or replace view ops.v_outside_legs as
select
  l.leg_id,
  l.status,
  l.kind,
  f.client_id as from_client_id,
  g.client_id as to_client_id,
  a.asset,
  m.amount,
  l.withdrawal_id,
  l.instruction_id,
  l.adapter,
  l.external_id,
  l.attempts,
  l.next_attempt_at,
  l.worker,
  l.leased_until,
  l.token,
  l.reason,
  l.reference,
  l.requested_by,
  l.created_at,
  l.ended_by,
  l.ended_at,
  l.disputed_at
from settlement.outside_legs as l
join settlement.outside_moves as m
  on m.segment_id = l.segment_id
  and m.leg_id = l.leg_id
join reference.participants as f
  on f.participant_id = m.from_id
join reference.participants as g
  on g.participant_id = m.to_id
join reference.assets as a
  on a.asset_id = m.asset_id
order by l.status <> 'FAILED' and l.disputed_at is null, l.ended_at is not null, l.leg_id;
comment on view ops.v_outside_legs is
  'what leaves the database: what a person must decide about first, then what is on its way';
