-- The refusals of a batch with those for what only some orders say: the first that holds stands.
-- Reads nothing.
create or replace function matching.refuse_specials(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_refusals matching.refusal[]
) returns matching.refusal[]
language plpgsql immutable
as $$
declare
  v_refusals matching.refusal[] := p_refusals;
  v_command matching.command;
  v_no int := 0;
begin
  foreach v_command in array p_commands loop
    v_no := v_no + 1;
    if v_command.op = 'PLACE' then
      v_refusals[v_no] := least(v_refusals[v_no], matching.refuse_terms(p_symbol, v_command));
    end if;
  end loop;
  if exists (select from unnest(p_commands) as c where c.list_no is not null) then
    v_refusals := matching.refuse_lists(p_commands, v_refusals);
  end if;
  return v_refusals;
end;
$$;
comment on function matching.refuse_specials is
  'refusals with those for what only some orders say';
