-- Adjustments against their facts: each that is posted has its transfer, counts since its time, and
-- each such transfer its adjustment. Returns what differs. Reads only.
create or replace function ops.audit_adjustments() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select
    'adjustment transfer', coalesce(a.adjustment_id, t.journal_id)::text,
    row(a.from_id, a.to_id, a.asset_id, a.amount, a.decided_at, a.effective_at)::text,
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at,
      t.effective_at)::text
  from (select d.* from ledger.adjustments as d where d.status = 'POSTED') as a
  full join (
    select f.*, j.effective_at
    from ledger.transfers as f
    left join ledger.journals as j
      on j.segment_id = f.segment_id
      and j.journal_id = f.journal_id
    where f.kind = 'ADJUSTMENT'
  ) as t
    on t.segment_id = a.segment_id
    and t.journal_id = a.journal_id
  where row(a.from_id, a.to_id, a.asset_id, a.amount, a.decided_at, a.effective_at)
    is distinct from
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at,
      t.effective_at)
$$;
comment on function ops.audit_adjustments is 'adjustments against their facts; what differs';
