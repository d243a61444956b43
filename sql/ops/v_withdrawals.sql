-- Withdrawals, those to be decided about first.
create or replace view ops.v_withdrawals as
select
  w.withdrawal_id,
  p.client_id,
  a.asset,
  w.amount,
  w.status,
  w.requested_by,
  w.created_at,
  w.decided_by,
  w.decided_at,
  w.reject_reason,
  j.finality_no,
  w.approved_by,
  w.approved_at
from ledger.withdrawals as w
join reference.participants as p
  on p.participant_id = w.participant_id
join reference.assets as a
  on a.asset_id = w.asset_id
left join ledger.journals as j
  on j.segment_id = w.segment_id
  and j.journal_id = w.journal_id
order by w.status, w.withdrawal_id;
comment on view ops.v_withdrawals is 'withdrawals, those to be decided about first';
