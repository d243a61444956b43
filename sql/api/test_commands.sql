-- Tries commands of one symbol: answers as api.execute_commands would, with what each order would
-- hold (quote for a buy, base for a sell) and the matches that would be prevented, and leaves no
-- trace: all that was done is undone before it returns [MAT-056].
-- Locks: as matching.execute_batch, until it returns. Raises: NFSYM; 22P02 for a word it does not
-- know.
create or replace function api.test_commands(
  p_segment_id int,
  p_symbol text,
  p_now timestamptz,
  p_commands jsonb
) returns setof matching.tried_answer
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
  v_commands matching.command[] := matching.read_commands(p_commands);
  v_answers matching.tried_answer[];
begin
  begin
    v_answers := array(
      select t
      from matching.tried_answers(
        v_symbol, v_commands, matching.execute_batch(v_symbol.symbol_id, p_now, v_commands)
      ) as t
    );
    raise exception 'tried' using errcode = 'RJTRY', hint = 'TRIED';
  exception when sqlstate 'RJTRY' then
    null;
  end;
  return query select a.* from unnest(v_answers) as a;
end;
$$;
comment on function api.test_commands is 'tries commands of one symbol and leaves no trace';
revoke execute on function api.test_commands from public;
grant execute on function api.test_commands to pgsettle_app;
