-- Every journal with its link made again, from the link before it and from what stands there now
-- [LED-010]: whether that is its link, or null where the one before it is missing; whether its
-- lines have their marks. A link that was itself altered is not held against the next journal,
-- which was linked to the right one. Of a part of them the first two tell nothing: they know no
-- others. Reads only.
create or replace function ops.chain_journals(
  p_segment_id int,
  p_after_no bigint default 0,
  p_last_no bigint default 9223372036854775807
) returns table (
  finality_no bigint,
  journal_id bigint,
  previous_no bigint,
  is_linked boolean,
  is_marked boolean
)
language sql stable
as $$
  with made as materialized (
    select
      j.finality_no, j.journal_id, j.link,
      coalesce(lag(j.finality_no) over w, 0) as previous_no,
      case when j.finality_no = 1 then '' else lag(j.link) over w end as previous_link,
      ledger.journal_digest(
        j.segment_id, j.journal_id, j.kind, j.posted_at, j.transfer_count, j.instruction_ids,
        row(j.line_nos, null, m.digest)::ledger.journal_lines, j.effective_at
      ) as digest,
      m.is_marked and length(j.line_marks) = cardinality(j.line_nos) * 4 as is_marked
    from ledger.journals as j
    cross join lateral (
      select
        sha256(coalesce(string_agg(l.content, '' order by l.place_no), '')) as digest,
        coalesce(
          bool_and(ledger.line_mark(l.content) is not distinct from l.mark), true
        ) as is_marked
      from ops.chain_lines(
        j.segment_id, j.journal_id, j.posted_at, j.line_nos, j.line_marks || ''
      ) as l
    ) as m
    where j.segment_id = p_segment_id
      and j.finality_no > p_after_no
      and j.finality_no <= p_last_no
    window w as (order by j.finality_no)
  ), linked as (
    select
      m.*, ledger.next_link(m.previous_link, m.finality_no, m.digest) as made_link
    from made as m
  ), beside as (
    select n.*, lag(n.made_link) over (order by n.finality_no) as made_before
    from linked as n
  )
  select
    b.finality_no, b.journal_id, b.previous_no,
    case
      when b.previous_no = b.finality_no - 1
        then b.link = b.made_link or coalesce(
          b.link = ledger.next_link(b.made_before, b.finality_no, b.digest), false
        )
    end,
    b.is_marked
  from beside as b
$$;
comment on function ops.chain_journals is
  'every journal, and whether its link and its marks are right';
