-- Closes the breaks that are there no more, with the time. Returns how many. Writes: ops.breaks.
create or replace function ops.close_breaks(
  p_segment_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_count int;
begin
  update ops.breaks as b
  set closed_at = greatest(p_now, b.found_at)
  where b.segment_id = p_segment_id
    and b.closed_at is null
    and not exists (
      select
      from ops.compare_part(p_segment_id, b.part_id, b.first_no - 1, b.first_no) as c
      where c.kind = b.kind
        and c.key = b.key
    );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function ops.close_breaks is 'closes the breaks that are there no more';
