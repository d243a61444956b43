-- The row of a group of symbols by its code. Reads only. Raises NFGRP when there is none.
create or replace function reference.get_symbol_group(
  p_symbol_group text
) returns reference.symbol_groups
language plpgsql stable
as $$
declare
  v_group reference.symbol_groups;
begin
  select g.* into v_group
  from reference.symbol_groups as g
  where g.symbol_group = p_symbol_group;

  if not found then
    raise exception 'there is no group %', p_symbol_group
      using errcode = 'NFGRP', hint = 'UNKNOWN_GROUP', column = 'symbol_group';
  end if;

  return v_group;
end;
$$;
comment on function reference.get_symbol_group is
  'the row of a group of symbols by its code; NFGRP when there is none';
