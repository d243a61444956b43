-- Journals against their facts: each counts its transfers and names the instructions that it
-- settled; their numbers are dense. Returns what differs. Reads only.
create or replace function ops.audit_journals() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'journal transfers', j.journal_id::text, j.transfer_count::text, count(t.line_no)::text
  from ledger.journals as j
  left join ledger.transfers as t
    on t.segment_id = j.segment_id
    and t.journal_id = j.journal_id
  group by j.segment_id, j.journal_id, j.transfer_count
  having count(t.line_no) <> j.transfer_count
  union all
  select 'journal instructions', coalesce(j.journal_id, s.journal_id)::text,
    j.instruction_id::text, s.instruction_id::text
  from (
    select n.segment_id, n.journal_id, i.instruction_id
    from ledger.journals as n
    cross join lateral unnest(n.instruction_ids) as i (instruction_id)
  ) as j
  full join settlement.postings as s
    on s.segment_id = j.segment_id
    and s.journal_id = j.journal_id
    and s.instruction_id = j.instruction_id
  where j.instruction_id is null
    or s.instruction_id is null
  union all
  select 'journals dense', l.segment_id::text, l.last_finality_no::text, count(j.journal_id)::text
  from ledger.segment_state as l
  left join ledger.journals as j
    on j.segment_id = l.segment_id
  group by l.segment_id, l.last_finality_no
  having count(j.journal_id) <> l.last_finality_no
$$;
comment on function ops.audit_journals is 'journals against their facts; returns what differs';
