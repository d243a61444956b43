-- Withdrawals against their facts: each that is posted has its transfer, and each such transfer its
-- withdrawal. Returns what differs. Reads only.
create or replace function ops.audit_withdrawals() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select
    'withdrawal transfer', coalesce(w.withdrawal_id, t.journal_id)::text,
    row(w.participant_id, w.asset_id, w.amount, w.decided_at)::text,
    row(t.debit_participant_id, t.asset_id, t.amount, t.posted_at)::text
  from (select v.* from ledger.withdrawals as v where v.status = 'POSTED') as w
  full join (select f.* from ledger.transfers as f where f.kind = 'WITHDRAWAL') as t
    on t.segment_id = w.segment_id
    and t.journal_id = w.journal_id
  where row(w.participant_id, w.asset_id, w.amount, w.decided_at)
    is distinct from row(t.debit_participant_id, t.asset_id, t.amount, t.posted_at)
  union all
  select 'withdrawal journal', min(w.withdrawal_id)::text, count(*)::text, '1'
  from ledger.withdrawals as w
  where w.journal_id is not null
  group by w.segment_id, w.journal_id
  having count(*) > 1
$$;
comment on function ops.audit_withdrawals is
  'withdrawals against their facts; returns what differs';
