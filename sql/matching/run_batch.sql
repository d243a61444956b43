-- Runs a prepared batch, part by part: first what the time has brought [MAT-075], then its
-- commands; and after each part what follows from it, before the rest: an order that fired, one
-- that its list cancels [MAT-049], a call that interrupts trading, in which the rest is judged anew
-- [MAT-082]. The change of phase that is asked for, if one is, comes behind what is due.
-- Writes all but the accounts, which others wait for: what they change is returned.
-- Takes the entry of the command log, when the batch is run again: funds are not read then, nor
-- phases planned, and nothing is logged [MAT-091].
-- Returns what came of the batch's own commands, with all fills of the matcher. Under the lock of
-- the symbol.
create or replace function matching.run_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_plan matching.phase_plan default null,
  p_recorded matching.command_log default null
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_done matching.executed;
  v_step matching.step;
  v_system matching.command[];
  v_rest matching.command[] := p_commands;
  v_batch matching.batch := p_batch;
  v_part matching.batch;
  v_outcome matching.outcome;
  v_funds matching.funds;
  v_commands matching.command[];
  v_targets bigint[] := '{}';
  v_count int;
  v_own int;
  v_is_held boolean;
  v_follows boolean;
begin
  v_step := matching.first_step(p_symbol, p_state, p_now, p_batch, p_plan, p_recorded);
  loop
    v_system := (v_step.queue).commands || (v_step.queue).stops;
    if v_step.reason is not null or v_step.is_more and v_system = '{}' then
      v_step := matching.take_step(p_symbol, p_now, v_step);
      v_done.changes := ledger.add_changes(v_done.changes, v_step.changes);
      v_batch := matching.bar_commands(p_symbol, v_step.state, p_now, v_rest, v_batch);
      continue;
    end if;
    exit when v_system = '{}' and v_rest = '{}';

    -- What is due later than this part holds back the rest, and so does a cascade.
    v_is_held := v_step.is_more or (v_step.queue).is_over;
    v_commands := case when v_is_held then v_system else v_system || v_rest end;
    v_part := case when v_system = '{}' then v_batch else matching.put_before(
      p_symbol, v_step.state, v_step.at, v_system, v_batch, v_is_held) end;
    v_part := matching.prepare_part(p_symbol, v_step.at, v_commands, v_part);
    v_step.funds := matching.read_funds(p_symbol, v_part.party_ids, v_step.funds);
    v_funds := matching.party_funds(p_symbol, v_part.party_ids, v_step.funds, v_done.changes);
    v_outcome := matching.match_batch(
      p_symbol, v_step.state, v_part, v_funds.base, v_funds.quote);
    perform matching.record_outcome(
      p_symbol, v_step.state, v_step.at, v_commands, v_part, v_outcome);
    v_done.changes := ledger.add_changes(
      v_done.changes, matching.fund_changes(p_symbol, v_outcome));
    v_count := cardinality(v_system);
    v_own := greatest(v_outcome.done - v_count, 0);
    v_done.outcome := case when v_own = cardinality(p_commands) and v_count = 0 then v_outcome
      else matching.add_outcome(v_done.outcome, v_outcome, v_count) end;
    v_targets := v_targets || coalesce(
      v_part.target_ids[1 + v_count:v_outcome.done], array_fill(null::bigint, array[v_own]));
    v_batch := matching.drop_done(v_batch, v_own);
    v_rest := v_rest[1 + v_own:];
    v_follows := matching.has_consequences(v_step.state, v_part, v_outcome);
    v_step.state := matching.next_state(
      p_symbol, v_step.state, v_step.at, v_commands, v_part.is_special, v_outcome);
    perform matching.check_batch(p_symbol, v_step.state, v_outcome);
    if v_follows or v_count > 0 then
      v_step := matching.follow_part(p_symbol, v_step, v_outcome, v_follows);
    end if;
  end loop;

  v_done.state := matching.end_batch(p_symbol, p_state, v_step.state, p_now);
  perform matching.log_batch(
    p_symbol, p_state, p_now, p_commands, p_batch, p_plan, v_step, v_done.state);
  v_done.batch := p_batch;
  v_done.batch.target_ids := v_targets;
  v_done.executed_at := p_now;
  return v_done;
end;
$$;
comment on function matching.run_batch is 'runs a prepared batch, part by part';
