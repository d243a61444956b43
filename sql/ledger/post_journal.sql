-- Closes a posting transaction: gives it its finality number and writes its journal. Call it last:
-- the number is given under the row lock of ledger.segment_state, which is held over the commit, so
-- that numbers are dense and in the order of commits, and no reader can skip one.
-- The journal is linked to the one before it, over all its lines [LED-010]. The caller makes the
-- digest of those before it locks accounts; under the lock there is only the link to be made.
-- Nothing is posted into a closed period [LED-030]: its end stands in the row that is locked
-- anyway. Takes since when it counts, where that is not p_now [LED-034].
-- Locks: the segment's row of ledger.segment_state. Writes: ledger.segment_state, ledger.journals.
-- Raises: STPER.
create or replace function ledger.post_journal(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_now timestamptz,
  p_instruction_ids bigint[],
  p_lines ledger.journal_lines,
  p_effective_at timestamptz default null
) returns bigint -- finality number
language plpgsql volatile
as $$
declare
  v_count int := cardinality(p_lines.line_nos);
  v_digest bytea := ledger.journal_digest(
    p_segment_id, p_journal_id, p_kind, p_now, v_count, p_instruction_ids, p_lines,
    p_effective_at
  );
  v_finality_no bigint;
  v_link bytea;
  v_closed_until timestamptz;
begin
  update ledger.segment_state as s
  set last_finality_no = s.last_finality_no + 1,
    last_link = ledger.next_link(s.last_link, s.last_finality_no + 1, v_digest)
  where s.segment_id = p_segment_id
  returning s.last_finality_no, s.last_link, s.closed_until
  into strict v_finality_no, v_link, v_closed_until;
  if least(p_now, p_effective_at) < v_closed_until then
    raise exception 'the period up to % is closed', v_closed_until
      using errcode = 'STPER', hint = 'PERIOD_CLOSED';
  end if;

  insert into ledger.journals (
    segment_id, journal_id, finality_no, kind, posted_at, instruction_ids, transfer_count,
    line_nos, line_marks, link, effective_at
  )
  values (
    p_segment_id, p_journal_id, v_finality_no, p_kind, p_now, p_instruction_ids, v_count,
    p_lines.line_nos, p_lines.line_marks, v_link, p_effective_at
  );

  return v_finality_no;
end;
$$;
comment on function ledger.post_journal is
  'numbers, links and writes the journal of a posting transaction; call it last';
