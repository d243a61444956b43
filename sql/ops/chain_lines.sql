-- The lines of a journal beside its transfers, by line number: what is kept of a line (its place in
-- the digest and its mark; null where the journal has none) and the content of the transfer that
-- stands there (null where none does, a zero where it has another time than its journal).
-- Reads only. PL/pgSQL takes the marks from the disk once, not once a line.
create or replace function ops.chain_lines(
  p_segment_id int,
  p_journal_id bigint,
  p_posted_at timestamptz,
  p_line_nos int[],
  p_line_marks bytea
) returns table (
  line_no int,
  place_no int,
  mark bytea,
  content bytea
)
language plpgsql stable
as $$
begin
  return query
  select
    coalesce(k.line_no, t.line_no), k.place_no::int,
    substr(p_line_marks, k.place_no::int * 4 - 3, 4), t.content
  from unnest(p_line_nos) with ordinality as k (line_no, place_no)
  full join (
    select
      f.line_no,
      case
        when f.posted_at = p_posted_at then ledger.transfer_content(
          f.kind, f.asset_id, f.debit_participant_id, f.credit_participant_id, f.amount,
          f.instruction_id
        )
        else '\x00'::bytea
      end as content
    from ledger.transfers as f
    where f.segment_id = p_segment_id
      and f.journal_id = p_journal_id
  ) as t
    on t.line_no = k.line_no;
end;
$$;
comment on function ops.chain_lines is 'the lines of a journal beside its transfers';
