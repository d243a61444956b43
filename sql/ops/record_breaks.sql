-- Keeps the breaks of a part of the books that are not known yet, at most 1,000 of them. Returns
-- how many. Writes: ops.breaks.
create or replace function ops.record_breaks(
  p_segment_id int,
  p_part_id int,
  p_after_no bigint,
  p_last_no bigint,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_count int;
begin
  insert into ops.breaks (segment_id, kind, part_id, first_no, key, kept, derived, found_at)
  select p_segment_id, c.kind, p_part_id, c.first_no, c.key, c.kept, c.derived, p_now
  from ops.compare_part(p_segment_id, p_part_id, p_after_no, p_last_no) as c
  limit 1000
  on conflict (segment_id, kind, key) where closed_at is null do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function ops.record_breaks is 'keeps the breaks of a part that are not known yet';
