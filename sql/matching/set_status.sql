-- Sets the status of a symbol, so that it holds from the next batch on, and tells it in a PHASE
-- event. While it is not active no phase changes; when it becomes active again it goes where its
-- calendar says, or into a call of p_auction first. Delisted, it closes for good and all its orders
-- end [MAT-084].
-- Takes the symbol and its state as they are under the lock. Returns the changes of accounts, for
-- the caller to make. Writes: reference.symbols and all else that a batch writes.
-- Raises: STACT when the symbol is delisted.
create or replace function matching.set_status(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_status reference.symbol_status_enum,
  p_reason text,
  p_at timestamptz,
  p_auction interval default null
) returns ledger.account_change[]
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_due matching.executed;
  v_state matching.symbol_state;
  v_plan matching.phase_plan;
begin
  if p_symbol.status = 'DELISTED' then
    raise exception '% is delisted', p_symbol.symbol
      using errcode = 'STACT', hint = 'SYMBOL_NOT_ACTIVE', column = 'symbol';
  end if;

  -- A plan without a phase: nothing trades any more that has not by its own time.
  v_due := matching.move_symbol(p_symbol, p_state, p_at, case when p_status <> 'ACTIVE' then
    row(null, p_status, null, null, null, 0)::matching.phase_plan end);
  v_state := v_due.state;
  if v_state.last_seq = p_state.last_seq then
    v_state.last_at := p_state.last_at;  -- what left no trace is not run again either
  end if;
  update reference.symbols as s
  set status = p_status,
    status_reason = p_reason
  where s.symbol_id = p_symbol.symbol_id
  returning s.* into v_symbol;

  v_plan := case
    when p_status = 'DELISTED' then
      row('CLOSED', 'DELISTED', null, 'infinity', 'infinity', 0)::matching.phase_plan
    when p_status = 'ACTIVE' and p_auction is not null then
      matching.plan_phase(v_symbol, 'CALL', p_at, 'RESUMED', p_at + p_auction)
    when p_status = 'ACTIVE' and p_symbol.status <> 'ACTIVE' then
      matching.calendar_plan(v_symbol, v_state, p_at, 'RESUMED')
    else row(
      v_state.phase, case p_status when 'MAINTENANCE' then 'CANCEL_ONLY' else p_status::text end,
      v_state.phase_next, v_state.phase_end_at, v_state.phase_until, v_state.extension_count
    )::matching.phase_plan end;
  if p_status = 'ACTIVE' and (p_auction is not null or p_symbol.calendar_id is null) then
    v_state.phase_until := 'infinity';  -- what passed while it was not active: the plan says it
  end if;
  v_state.next_due_at := matching.due_at(v_symbol, v_state);
  return ledger.add_changes(
    v_due.changes, (matching.move_symbol(v_symbol, v_state, p_at, v_plan)).changes
  );
end;
$$;
comment on function matching.set_status is 'sets the status of a symbol under its lock';
