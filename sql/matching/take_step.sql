-- The next step of a symbol's time up to p_now: what is due before its phase ends, or that change
-- of phase, each at its own time [MAT-075]; or, when nothing is due any more, the change that is
-- asked for. With a reason in the step instead: the interruption of continuous trading [MAT-082].
-- What was accepted for later waits where the plan stops the symbol, and until one that is resumed
-- is where it goes [MAT-084].
-- Takes the step before, with what is to follow already: a change of phase drops the stop orders
-- that fired; they wait.
-- Writes: all that matching.enter_phase does. Under the lock of the symbol.
create or replace function matching.take_step(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_step matching.step
) returns matching.step
language plpgsql volatile
as $$
declare
  v_step matching.step := p_step;
  v_state matching.symbol_state := p_step.state;
  v_is_over boolean := p_symbol.status = 'ACTIVE' and v_state.phase_until <= p_now;
  v_plan matching.phase_plan := p_step.plan;
  v_waits boolean := v_plan.phase is null and v_plan.reason is not null
    or coalesce(v_plan.reason = 'RESUMED', false);
  v_outcome matching.outcome;
begin
  v_step.changes := null;
  if p_step.reason is not null then
    v_plan := matching.plan_phase(
      p_symbol, 'CALL', v_step.at, p_step.reason, v_step.at + p_symbol.band_auction_time
    );
  else
    v_step.at := case when v_is_over then greatest(v_state.phase_until, v_state.last_at)
      else p_now end;
    if p_symbol.band_rate is not null or v_state.band_low is not null then
      v_state := matching.roll_band(p_symbol, v_state, v_step.at, null);
      v_step.state := v_state;
    end if;
    v_step.queue.commands := matching.due_commands(
      p_symbol, v_state, v_step.at, v_waits
    );
    v_step.is_more := v_is_over or v_plan.phase is not null;
    if (v_step.queue).commands <> '{}' then
      return v_step;
    elsif not v_step.is_more then
      v_step.state.next_due_at := matching.due_at(p_symbol, v_state);
      return v_step;
    elsif v_is_over then
      v_plan := matching.next_plan(p_symbol, v_state, v_step.at);
    else
      v_step.plan := null;
    end if;
  end if;

  -- When the batch is run again, what the calendar said and what was drawn [MAT-091].
  v_plan := coalesce(v_step.recorded[1 + cardinality(v_step.plans)], v_plan);
  v_step.plans := v_step.plans || v_plan;
  v_outcome := matching.enter_phase(p_symbol, v_state, v_step.at, v_plan);
  v_state := matching.phase_state(p_symbol, v_state, v_step.at, v_plan, v_outcome);
  perform matching.check_batch(p_symbol, v_state, v_outcome);
  v_step.reason := null;
  v_step.changes := matching.fund_changes(p_symbol, v_outcome);
  v_step.queue.stops := '{}';
  v_step.queue.is_over := false;
  v_step.queue := matching.follow_ups(
    p_symbol, v_state, v_step.at, v_outcome, v_step.queue
  );
  v_step.state := case when v_outcome.fills is null then v_state
    else matching.watch_state(p_symbol, v_state) end;
  if p_symbol.status = 'DELISTED' then
    v_step.queue.commands := array(
      select matching.cancel_command(k.order_id, 'DELISTED')
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.symbol_id = p_symbol.symbol_id
      order by k.entry_seq
    );
  elsif p_step.reason is null then
    v_step.queue.commands := (v_step.queue).commands
      || matching.due_commands(p_symbol, v_state, v_step.at, v_waits);
  end if;
  v_step.is_more := true;
  return v_step;
end;
$$;
comment on function matching.take_step is 'the next step of a symbol''s time';
