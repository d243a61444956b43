-- Journals against what else knows of them, by finality number, behind p_after_no up to p_last_no:
-- none is missing, each has the transfers that it was posted with, and is as it was; and of those
-- that settled, each obligation that one names has exactly the transfers of its legs there
-- [OPS-001]. All in one snapshot. Returns what differs: what stands there, and what should; and
-- nothing of what a journal settled whose own transfers are not right. Reads only.
create or replace function ops.compare_journals(
  p_segment_id int,
  p_after_no bigint,
  p_last_no bigint
) returns table (
  kind text,
  finality_no bigint,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with journals as materialized (
    select c.*, c.is_linked is not false and c.is_marked as is_right
    from ops.chain_journals(p_segment_id, p_after_no - 2, p_last_no) as c
    where c.finality_no > p_after_no
  )
  select 'JOURNAL_MISSING', n.finality_no, n.finality_no::text, null, 'journal'
  from generate_series(p_after_no + 1, p_last_no) as n (finality_no)
  left join journals as j
    on j.finality_no = n.finality_no
  where j.finality_no is null
  union all
  select
    case when c.line_no is null then 'JOURNAL_' else 'TRANSFER_' end || upper(c.problem),
    j.finality_no, concat_ws('-', j.journal_id, c.line_no),
    (
      select t::text
      from ledger.transfers as t
      where t.segment_id = p_segment_id
        and t.journal_id = j.journal_id
        and t.line_no = c.line_no
      limit 1
    ),
    null
  from journals as j
  cross join lateral ops.chain_changes(p_segment_id, j.journal_id) as c
  where not j.is_right
  union all
  select
    case when s.amounts is null then 'SETTLEMENT_MISSING' else 'SETTLEMENT_ALTERED' end,
    j.finality_no, s.instruction_id::text, s.amounts, s.posted
  from journals as j
  cross join lateral ops.compare_postings(p_segment_id, j.journal_id) as s
  where j.is_right
    and s.amounts is distinct from s.posted
$$;
comment on function ops.compare_journals is
  'journals against their transfers and obligations; what differs';
