-- The chain of journals as lines of text, for app/verify-chain.mjs, which needs nothing else
-- [LED-010]: of each journal
-- `journal NUMBER LINK MARKS LINES (segment,journal,kind,microseconds,count,instructions)`,
-- with the microseconds since when it counts behind it where that is not when it was posted;
-- and of each of its transfers
-- `transfer LINE KIND ASSET DEBIT CREDIT AMOUNT INSTRUCTION MICROSECONDS`;
-- behind them `orphan JOURNAL LINE` and `end NUMBER LINK`. Reads only.
create or replace function ops.chain_export(
  p_segment_id int default 1
) returns setof text
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.line
  from (
    select
      j.finality_no, 0, 0,
      concat_ws(' ', 'journal', j.finality_no, encode(j.link, 'hex'),
        'x' || encode(j.line_marks, 'hex'), 'n' || array_to_string(j.line_nos, ','),
        row(j.segment_id, j.journal_id, j.kind, (extract(epoch from j.posted_at) * 1000000)::bigint,
          j.transfer_count, j.instruction_ids)::text,
        (extract(epoch from j.effective_at) * 1000000)::bigint)
    from ledger.journals as j
    where j.segment_id = p_segment_id
    union all
    select
      j.finality_no, case when j.journal_id is null then 2 else 1 end, t.line_no,
      case
        when j.journal_id is null then concat_ws(' ', 'orphan', t.journal_id, t.line_no)
        else concat_ws(' ', 'transfer', t.line_no, t.kind, t.asset_id, t.debit_participant_id,
          t.credit_participant_id, t.amount, coalesce(t.instruction_id, 0),
          (extract(epoch from t.posted_at) * 1000000)::bigint)
      end
    from ledger.transfers as t
    left join ledger.journals as j
      on j.segment_id = t.segment_id
      and j.journal_id = t.journal_id
    where t.segment_id = p_segment_id
    union all
    select null, 3, 0, concat_ws(' ', 'end', s.last_finality_no, 'x' || encode(s.last_link, 'hex'))
    from ledger.segment_state as s
    where s.segment_id = p_segment_id
  ) as e (finality_no, part, line_no, line)
  order by e.finality_no nulls last, e.part, e.line_no
$$;
comment on function ops.chain_export is
  'chain_export(): journals and transfers as text, for node app/verify-chain.mjs FILE';
revoke execute on function ops.chain_export from public;
grant execute on function ops.chain_export to pgsettle_operator, pgsettle_auditor;
