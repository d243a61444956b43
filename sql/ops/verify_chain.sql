-- Makes the chain of journals again from what stands in the tables, and names what is not as it was
-- posted [LED-010]: a journal by its number, a transfer by its journal and line; no rows is good.
-- altered, missing, added, reordered (it stands at another line's place), or orphaned (its journal
-- is gone). Whoever can write the whole chain anew can only be told by a link kept elsewhere.
-- Reads only.
create or replace function ops.verify_chain(
  p_segment_id int default 1
) returns table (
  finality_no bigint,
  journal_id bigint,
  line_no int,
  problem text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with journals as materialized (
    select j.* from ops.chain_journals(p_segment_id) as j
  ), ends as (
    select
      s.last_finality_no, s.last_link,
      (select coalesce(max(j.finality_no), 0) from journals as j) as found_no
    from ledger.segment_state as s
    where s.segment_id = p_segment_id
  )
  select j.finality_no, j.journal_id, c.line_no, c.problem
  from journals as j
  cross join lateral ops.chain_changes(p_segment_id, j.journal_id) as c
  where j.is_linked is false
    or (j.is_linked is null and not j.is_marked)
  union all
  select j.finality_no, j.journal_id, null, 'altered'
  from journals as j
  where j.is_linked
    and not j.is_marked
  union all
  select n.finality_no, null, null, 'missing'
  from journals as j
  cross join lateral generate_series(j.previous_no + 1, j.finality_no - 1) as n (finality_no)
  union all
  select n.finality_no, null, null, 'missing'
  from ends as e
  cross join lateral generate_series(e.found_no + 1, e.last_finality_no) as n (finality_no)
  union all
  select j.finality_no, j.journal_id, null, 'added'
  from ends as e
  join journals as j
    on j.finality_no > e.last_finality_no
  union all
  select e.last_finality_no, n.journal_id, null, 'altered'
  from ends as e
  left join ledger.journals as n
    on n.segment_id = p_segment_id
    and n.finality_no = e.last_finality_no
  left join journals as j
    on j.finality_no = e.last_finality_no
  where e.found_no = e.last_finality_no
    and e.last_link <> coalesce(n.link, '')
    and coalesce(j.is_linked, j.is_marked, true)
    and coalesce(j.is_marked, true)
  union all
  select null, t.journal_id, t.line_no, 'orphaned'
  from ledger.transfers as t
  left join ledger.journals as j
    on j.segment_id = t.segment_id
    and j.journal_id = t.journal_id
  where t.segment_id = p_segment_id
    and j.journal_id is null
  order by 1, 2, 3
$$;
comment on function ops.verify_chain is
  'verify_chain(): names journals and transfers that are not as they were posted; no rows is good';
revoke execute on function ops.verify_chain from public;
grant execute on function ops.verify_chain to pgsettle_operator, pgsettle_auditor;
