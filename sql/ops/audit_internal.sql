-- Transfers between accounts of one owner against their facts: each has its transfer, and each such
-- transfer its key; both are of one owner. Returns what differs. Reads only.
create or replace function ops.audit_internal() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select
    'internal transfer', coalesce(i.journal_id, t.journal_id)::text,
    row(i.from_id, i.to_id, i.asset_id, i.amount, i.created_at)::text,
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at)::text
  from ledger.internal_transfers as i
  full join (select f.* from ledger.transfers as f where f.kind = 'INTERNAL') as t
    on t.segment_id = i.segment_id
    and t.journal_id = i.journal_id
  where row(i.from_id, i.to_id, i.asset_id, i.amount, i.created_at) is distinct from
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at)
  union all
  select 'internal transfer owner', i.journal_id::text, i.from_id::text, i.to_id::text
  from ledger.internal_transfers as i
  where reference.owner_id(i.from_id) <> reference.owner_id(i.to_id)
$$;
comment on function ops.audit_internal is
  'transfers between accounts of one owner against their facts; what differs';
