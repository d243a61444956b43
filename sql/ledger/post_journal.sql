-- Closes a posting transaction: gives it its finality number and writes its journal. Call it last:
-- the number is given under the row lock of ledger.segment_state, which is held over the commit, so
-- that numbers are dense and in the order of commits, and no reader can skip one.
-- Locks: the segment's row of ledger.segment_state. Writes: ledger.segment_state, ledger.journals.
create or replace function ledger.post_journal(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_now timestamptz,
  p_instruction_ids bigint[],
  p_transfer_count int
) returns bigint -- finality number
language plpgsql volatile
as $$
declare
  v_finality_no bigint;
begin
  update ledger.segment_state as s
  set last_finality_no = s.last_finality_no + 1
  where s.segment_id = p_segment_id
  returning s.last_finality_no into strict v_finality_no;

  insert into ledger.journals (
    segment_id, journal_id, finality_no, kind, posted_at, instruction_ids, transfer_count
  )
  values (
    p_segment_id, p_journal_id, v_finality_no, p_kind, p_now, p_instruction_ids, p_transfer_count
  );

  return v_finality_no;
end;
$$;
comment on function ledger.post_journal is
  'numbers and writes the journal of a posting transaction; call it last';
