-- Executes commands of one symbol in their order and answers each: the way in for orders.
-- Takes an array of objects with op (PLACE, CANCEL, AMEND) and the other fields of
-- matching.command.
-- Returns a row a command, in their order: error_state is null when all is well, else five letters
-- whose class decides the HTTP status; then the order, as it stood right after its own command
-- when that placed it (a repeat of a key answers as the first time), else as it stands now.
-- Locks and writes: see matching.execute_batch. Raises: NFSYM; 22P02 for a word it does not know.
create or replace function api.execute_commands(
  p_segment_id int,
  p_symbol text,
  p_now timestamptz,
  p_commands jsonb,
  p_atomic boolean
) returns setof matching.command_answer
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
  v_commands matching.command[];
begin
  v_commands := matching.read_commands(p_commands);

  return query
  select a.*
  from matching.command_answers(
    v_symbol, v_commands,
    matching.execute_batch(v_symbol.symbol_id, p_now, v_commands, p_atomic)
  ) as a;
end;
$$;
comment on function api.execute_commands is
  'executes commands of one symbol in their order and answers each';
revoke execute on function api.execute_commands from public;
grant execute on function api.execute_commands to pgsettle_app;
