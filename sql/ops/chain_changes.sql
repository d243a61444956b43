-- What was changed in a journal whose link is not right: the lines that are not those it was
-- linked over, or no line where it is the journal itself. Reads only.
create or replace function ops.chain_changes(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  line_no int,
  problem text
)
language sql stable
as $$
  with lines as materialized (
    select l.line_no, l.mark, l.content, ledger.line_mark(l.content) as made_mark
    from ledger.journals as j
    cross join lateral ops.chain_lines(
      j.segment_id, j.journal_id, j.posted_at, j.line_nos, j.line_marks || ''
    ) as l
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
  ), changed as (
    select
      l.line_no,
      case
        when l.content is null then 'missing'
        when l.mark is null then 'added'
        when exists (select from lines as o where o.mark = l.made_mark and o.line_no <> l.line_no)
          then 'reordered'
        else 'altered'
      end as problem
    from lines as l
    where l.made_mark is distinct from l.mark
  )
  select c.line_no, c.problem
  from changed as c
  union all
  select null, 'altered'
  where not exists (select from changed)
$$;
comment on function ops.chain_changes is 'what was changed in a journal whose link is not right';
