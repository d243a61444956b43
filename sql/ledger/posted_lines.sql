-- What a journal's link covers of the transfers that this transaction has posted under it, read
-- back from where they stand: for ledger.post_journal. Who posts thousands makes it on the way
-- instead, as settlement does. Reads only.
create or replace function ledger.posted_lines(
  p_segment_id int,
  p_journal_id bigint,
  p_now timestamptz
) returns ledger.journal_lines
language sql volatile
as $$
  select
    row(
      coalesce(array_agg(l.line_no order by l.line_no), '{}'),
      coalesce(string_agg(ledger.line_mark(l.content), '' order by l.line_no), ''),
      sha256(coalesce(string_agg(l.content, '' order by l.line_no), ''))
    )::ledger.journal_lines
  from (
    select
      t.line_no,
      ledger.transfer_content(
        t.kind, t.asset_id, t.debit_participant_id, t.credit_participant_id, t.amount,
        t.instruction_id
      ) as content
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.journal_id = p_journal_id
      and t.posted_at = p_now
  ) as l
$$;
comment on function ledger.posted_lines is
  'what a journal''s link covers of the transfers posted under it';
