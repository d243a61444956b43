-- One pass over a part of the books [OPS-001]: checks what is new there, and of what is old the
-- next piece in turn; all that is old, piece by piece, once p_writes says that something was
-- changed. Takes where it stands, the last number that there is, and how many numbers to check at
-- most. Returns how many breaks are new, and whether there is more to do at once.
-- Writes: ops.breaks, the cursor, whose row the caller has locked.
create or replace function ops.check_part(
  p_cursor ops.break_cursors,
  p_last_no bigint,
  p_writes text,
  p_now timestamptz,
  p_limit int,
  out opened int,
  out is_behind boolean
)
language plpgsql volatile
as $$
declare
  c_turns constant int := 20; -- a piece of what is old, in turn, is so much smaller
  v_segment_id int := p_cursor.segment_id;
  v_part_id int := p_cursor.part_id;
  v_old_no bigint := p_cursor.checked_no;
  v_checked_no bigint;
  v_again_no bigint := p_cursor.again_no;
  v_again_until bigint := p_cursor.again_until;
  v_end bigint;
begin
  opened := 0;
  v_checked_no := ops.part_end(v_segment_id, v_part_id, v_old_no, p_last_no, p_limit);
  if v_checked_no > v_old_no then
    opened := ops.record_breaks(v_segment_id, v_part_id, v_old_no, v_checked_no, p_now);
  end if;
  v_checked_no := greatest(v_checked_no, v_old_no);

  if p_cursor.writes <> p_writes then
    v_again_no := 0;
    v_again_until := v_old_no;
  elsif v_again_no >= v_old_no then
    v_again_no := 0;
  end if;
  v_end := ops.part_end(
    v_segment_id, v_part_id, v_again_no, v_old_no,
    case when v_again_until > v_again_no then p_limit else greatest(p_limit / c_turns, 1) end
  );
  if v_end > v_again_no then
    opened := opened + ops.record_breaks(v_segment_id, v_part_id, v_again_no, v_end, p_now);
  end if;

  update ops.break_cursors as c
  set checked_no = v_checked_no,
    again_no = v_end,
    again_until = case when v_end < v_again_until then v_again_until else 0 end,
    writes = p_writes
  where c.segment_id = v_segment_id
    and c.part_id = v_part_id;
  is_behind := v_checked_no < p_last_no or v_end < v_again_until;
end;
$$;
comment on function ops.check_part is
  'one pass over a part of the books: what is new, and a piece of what is old';
