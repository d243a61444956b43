-- Where a batch begins: the state of its symbol, its orders numbered, whether anything is due or a
-- change of phase is asked for, and if not, its band as it is now. When it is run again, with what
-- was recorded of it [MAT-091]. Reads nothing.
create or replace function matching.first_step(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_batch matching.batch,
  p_plan matching.phase_plan,
  p_recorded matching.command_log
) returns matching.step
language plpgsql immutable
as $$
declare
  v_step matching.step;
begin
  v_step.at := p_now;
  v_step.state := p_state;
  v_step.state.last_order_no := p_state.last_order_no
    + cardinality(array_remove(p_batch.order_ids, null));
  v_step.queue := row('{}', '{}', 0, false);
  v_step.plan := p_plan;
  v_step.plans := '{}';
  v_step.is_replayed := p_recorded.kind is not null;
  v_step.recorded := p_recorded.plans;
  v_step.funds := row(p_recorded.party_ids, p_recorded.base_funds, p_recorded.quote_funds);
  v_step.is_more := p_state.next_due_at <= p_now or p_state.pending_count > 0
    or p_plan.phase is not null;
  if not v_step.is_more and (p_symbol.band_rate is not null or p_state.band_low is not null) then
    v_step.state := matching.roll_band(p_symbol, v_step.state, p_now, null);
  end if;
  return v_step;
end;
$$;
comment on function matching.first_step is 'where a batch begins';
