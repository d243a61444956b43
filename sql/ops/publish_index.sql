-- Takes a value of the index of a group: when it has fallen past a level, the group's symbols are
-- stopped. Returns the deepest level reached today and the symbols that this value stopped.
-- Raises: NFGRP, STIDX (older than the last). Locks: the group, its symbols, accounts.
create or replace function ops.publish_index(
  p_symbol_group text,
  p_value numeric,
  p_at timestamptz default now(),
  out level_no int,
  out symbols text[]
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  select i.level_no, i.symbols into level_no, symbols
  from matching.publish_index(
    (reference.get_symbol_group(p_symbol_group)).group_id, p_value, p_at
  ) as i;
end;
$$;
comment on function ops.publish_index is
  'publish_index(group, value, at): a value of its index; a fall past a level stops the symbols';
revoke execute on function ops.publish_index from public;
grant execute on function ops.publish_index to pgsettle_operator;
