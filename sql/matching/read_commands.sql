-- Commands from JSON, an object each, by the names of matching.command. The reason to end an order
-- is the venue's own to give, and so is the release of one.
-- Raises: IVCMD for a command of the venue's own; 22P02 for a word it does not know. Reads nothing.
create or replace function matching.read_commands(
  p_commands jsonb
) returns matching.command[]
language plpgsql immutable
as $$
declare
  v_commands matching.command[];
begin
  select coalesce(array_agg(c), '{}') into v_commands
  from jsonb_populate_recordset(null::matching.command, p_commands) as c;

  if p_commands @? '$[*] ? (exists(@.end_reason) || @.op == "RELEASE")' then
    raise exception 'a command that is not for the outside' using errcode = 'IVCMD';
  end if;
  return v_commands;
end;
$$;
comment on function matching.read_commands is 'commands from JSON';
