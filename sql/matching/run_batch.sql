-- Runs a prepared batch, part by part: first what is due, then its commands; and after each part
-- what follows from it, before the rest: an order that fired, one that its list cancels
-- [MAT-049]. Writes all but the accounts, which others wait for: what they change is returned.
-- Takes what parties had, when a batch is run again: it is read, and logged, when null [MAT-091].
-- Returns what came of the batch's own commands, with all fills. Under the lock of the symbol.
create or replace function matching.run_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_funds matching.funds default null
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_done matching.executed;
  v_state matching.symbol_state := p_state;
  v_system matching.command[] := '{}';
  v_rest matching.command[] := p_commands;
  v_batch matching.batch := p_batch;
  v_part matching.batch;
  v_outcome matching.outcome;
  v_funds matching.funds := p_funds;
  v_had matching.funds;
  v_commands matching.command[];
  v_targets bigint[] := '{}';
  v_own int;
  v_follows boolean;
begin
  v_state.last_at := p_now;
  v_state.last_order_no := p_state.last_order_no
    + cardinality(array_remove(p_batch.order_ids, null));
  if p_state.next_due_at <= p_now or p_state.pending_count > 0 then
    v_system := matching.due_commands(p_symbol, p_state, p_now);
  end if;

  loop
    v_part := case when v_system = '{}' then v_batch
      else matching.put_before(p_symbol, v_system, v_batch) end;
    v_commands := v_system || v_rest;
    v_part := matching.prepare_part(p_symbol, p_now, v_commands, v_part);
    v_funds := matching.read_funds(p_symbol, v_part.party_ids, v_funds);
    v_had := matching.party_funds(p_symbol, v_part.party_ids, v_funds, v_done.changes);
    v_outcome := matching.match_batch(p_symbol, v_state, v_part, v_had.base, v_had.quote);
    perform matching.record_outcome(
      p_symbol, v_state, p_now, v_commands, v_part, v_outcome
    );
    v_done.changes := case when v_done.changes is null
      then matching.fund_changes(p_symbol, v_outcome)
      else ledger.sum_changes(v_done.changes || matching.fund_changes(p_symbol, v_outcome)) end;
    v_own := greatest(v_outcome.done - cardinality(v_system), 0);
    v_done.outcome := case when v_own = cardinality(p_commands) and v_system = '{}' then v_outcome
      else matching.add_outcome(v_done.outcome, v_outcome, cardinality(v_system)) end;
    v_targets := v_targets || case when v_part.target_ids is null
      then array_fill(null::bigint, array[v_own])
      else v_part.target_ids[1 + cardinality(v_system):v_outcome.done] end;
    v_batch := matching.drop_done(v_batch, v_own);
    v_rest := v_rest[1 + v_own:];
    v_system := v_system[1 + v_outcome.done:];
    v_follows := matching.has_consequences(v_state, v_part, v_outcome);
    v_state := matching.next_state(
      p_symbol, v_state, p_now, v_commands, v_part.is_special, v_outcome
    );
    perform matching.check_batch(p_symbol, v_state, v_outcome);
    if v_follows then
      v_system := matching.follow_ups(p_symbol, v_state, p_now, v_outcome, v_system);
      v_state := matching.watch_state(p_symbol, v_state);
    end if;
    exit when v_system = '{}' and v_rest = '{}';
  end loop;

  if p_funds is null then
    perform matching.log_batch(
      p_symbol, p_state, p_now, p_commands, p_batch, v_funds, v_state.last_seq
    );
  end if;
  v_done.batch := p_batch;
  v_done.batch.target_ids := v_targets;
  v_done.executed_at := p_now;
  v_done.state := v_state;
  return v_done;
end;
$$;
comment on function matching.run_batch is 'runs a prepared batch, part by part';
