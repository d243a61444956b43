-- Does what is due at a symbol: a batch without commands, or of the exits whose funds have come
-- [MAT-053]. These are the commands of the batch, so that the log keeps them: what brings them to
-- life is the ledger, which the log does not know [MAT-091]. When nothing more is to come, what is
-- not enough for an exit refuses it.
-- Returns what came of it. Locks and writes: see matching.execute_batch; matching.order_lists.
-- Under the lock of the symbol.
create or replace function matching.execute_due(
  p_segment_id int,
  p_symbol_id int,
  p_now timestamptz
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_list record;
  v_exits matching.command[];
  v_commands matching.command[] := '{}';
  v_tried bigint[] := '{}';
  v_ended bigint[] := '{}';
  v_executed matching.executed;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  for v_list in select f.* from matching.funded_lists(p_segment_id, p_symbol_id) as f loop
    v_exits := matching.exit_commands(
      v_symbol, v_list.list_id, v_list.entry_id, v_list.entry_at, v_list.is_partial
    );
    if v_list.is_last or v_exits = '{}' then
      v_ended := v_ended || v_list.list_id;
      for v_no in 1..cardinality(v_exits) loop
        v_exits[v_no].only_if := null;
      end loop;
    else
      v_tried := v_tried || v_list.list_id;
    end if;
    v_commands := v_commands || v_exits;
  end loop;

  v_executed := matching.execute_batch(p_symbol_id, p_now, v_commands);
  if v_tried || v_ended <> '{}' then
    perform matching.record_tries(v_symbol, v_tried, v_ended);
  end if;
  return v_executed;
end;
$$;
comment on function matching.execute_due is 'does what is due at a symbol';
