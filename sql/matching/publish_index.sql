-- Takes a new value of a group's index and stops its symbols when that has fallen past a level that
-- was not reached yet on this day: into a call of the level's time, or halted until somebody
-- resumes them [MAT-083]. The fall is counted from the last value of the day before (the first
-- value ever, on the first day); days begin where the group is. A value that rises again stops
-- nothing and opens nothing.
-- Returns the deepest level reached today, 0 for none, and the symbols that it stopped now.
-- Locks: the group's row, then the symbols in the order of their ids, each with its accounts.
-- Writes: reference.symbol_groups and, of each symbol that it stops, all that a batch writes.
-- Raises: STIDX when the value is older than the last.
create or replace function matching.publish_index(
  p_group_id int,
  p_value numeric,
  p_at timestamptz,
  out level_no int,
  out symbols text[]
)
language plpgsql volatile
as $$
declare
  v_group reference.symbol_groups;
  v_level reference.breaker_levels;
  v_is_first boolean;
begin
  select g.* into strict v_group
  from reference.symbol_groups as g
  where g.group_id = p_group_id
  for no key update;
  if p_at < v_group.index_at then
    raise exception 'the index of % has a value of %', v_group.symbol_group, v_group.index_at
      using errcode = 'STIDX', hint = 'INDEX_OLD', column = 'at';
  end if;

  v_is_first := v_group.index_at is null or (p_at at time zone v_group.time_zone)::date
    > (v_group.index_at at time zone v_group.time_zone)::date;
  if v_is_first then
    v_group.base_value := coalesce(v_group.index_value, p_value);
    v_group.level_no := 0;
  end if;

  select l.* into v_level
  from reference.breaker_levels as l
  where l.group_id = p_group_id
    and l.level_no > v_group.level_no
    and p_value <= v_group.base_value * (1 - l.fall_rate)
  order by l.level_no desc
  limit 1;
  level_no := coalesce(v_level.level_no, v_group.level_no);
  symbols := '{}';

  update reference.symbol_groups as g
  set base_value = v_group.base_value,
    index_value = p_value,
    index_at = p_at,
    level_no = publish_index.level_no
  where g.group_id = p_group_id;

  if v_level.level_no is not null then
    symbols := matching.stop_group(v_level, p_at);
  end if;
end;
$$;
comment on function matching.publish_index is
  'takes a new value of a group''s index and stops its symbols when it has fallen past a level';
