-- The lines of an account statement, in the order of finality: each transfer of a participant, of
-- whatever kind, with what it added (positive) or took [LED-033]. Those up to the journal that
-- statement_sums named, behind a journal and line, so many at most. Reads only.
create or replace function ledger.statement_lines(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_from timestamptz,
  p_to timestamptz,
  p_last_no bigint,
  p_after_no bigint,
  p_after_line int,
  p_limit int
) returns table (
  finality_no bigint,
  journal_id bigint,
  line_no int,
  posted_at timestamptz,
  effective_at timestamptz,
  kind ledger.transfer_kind,
  asset_id int,
  amount numeric,
  counterparty_id int,
  instruction_id bigint
)
language sql stable
as $$
  select
    j.finality_no, j.journal_id, l.line_no, j.posted_at, coalesce(j.effective_at, j.posted_at),
    l.kind, l.asset_id, l.amount, l.counterparty_id, l.instruction_id
  from ledger.journals as j
  cross join lateral (
    select
      t.line_no, t.kind, t.asset_id, t.instruction_id,
      case t.credit_participant_id when p_participant_id then t.amount else -t.amount end as amount,
      case t.credit_participant_id
        when p_participant_id then t.debit_participant_id
        else t.credit_participant_id
      end as counterparty_id
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.journal_id = j.journal_id
      and t.posted_at = j.posted_at
      and p_participant_id in (t.debit_participant_id, t.credit_participant_id)
      and t.asset_id = coalesce(p_asset_id, t.asset_id)
      and (j.finality_no > p_after_no or t.line_no > p_after_line)
  ) as l
  where j.segment_id = p_segment_id
    and j.finality_no >= p_after_no
    and j.finality_no <= p_last_no
    and j.posted_at >= p_from
    and j.posted_at < p_to
  order by j.finality_no, l.line_no
  limit p_limit
$$;
comment on function ledger.statement_lines is 'the lines of an account statement, a page of them';
