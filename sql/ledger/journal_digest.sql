-- What a journal's link is made from but its place: the journal as PostgreSQL prints a row, with
-- the time in microseconds since 1970 (and behind it, where it counts since an earlier time, that
-- one), the numbers of its lines and their digest [LED-010].
-- Reads nothing.
create or replace function ledger.journal_digest(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_posted_at timestamptz,
  p_transfer_count int,
  p_instruction_ids bigint[],
  p_lines ledger.journal_lines,
  p_effective_at timestamptz default null
) returns bytea
language sql stable
as $$
  select
    sha256(
      convert_to(
        row(p_segment_id, p_journal_id, p_kind,
          (extract(epoch from p_posted_at) * 1000000)::bigint, p_transfer_count,
          p_instruction_ids)::text
          || coalesce(' ' || (extract(epoch from p_effective_at) * 1000000)::bigint, ''), 'UTF8'
      ) || array_send(p_lines.line_nos) || p_lines.digest
    )
$$;
comment on function ledger.journal_digest is 'digest of a journal and its lines, without its place';
