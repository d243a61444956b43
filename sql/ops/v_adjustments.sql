-- Corrections of the books, those to be decided about first: who asked, which two approved.
create or replace view ops.v_adjustments as
select
  a.adjustment_id,
  f.client_id as from_client,
  t.client_id as to_client,
  s.asset,
  trim_scale(a.amount::numeric) as amount,
  a.effective_at,
  a.reason,
  a.status,
  a.requested_by,
  a.created_at,
  a.approved_by,
  a.decided_by,
  a.decided_at,
  a.reject_reason,
  j.finality_no
from ledger.adjustments as a
join reference.participants as f
  on f.participant_id = a.from_id
join reference.participants as t
  on t.participant_id = a.to_id
join reference.assets as s
  on s.asset_id = a.asset_id
left join ledger.journals as j
  on j.segment_id = a.segment_id
  and j.journal_id = a.journal_id
order by a.status <> 'PENDING', a.adjustment_id desc;
comment on view ops.v_adjustments is 'corrections of the books, and who asked and approved';
