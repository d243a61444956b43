-- Sets the status of a symbol under its lock, so that it holds from the next batch on, and tells it
-- in a PHASE event. While it is not active no phase changes; when it becomes active again it goes
-- where its calendar says, or into a call of p_auction first. Delisted, it closes for good and all
-- orders in its book end [MAT-084].
-- Returns what became of orders. Locks: the symbol, accounts. Writes: reference.symbols and all
-- that a batch writes. Raises: STACT when the symbol is delisted.
create or replace function matching.set_status(
  p_symbol_id int,
  p_status reference.symbol_status_enum,
  p_reason text,
  p_now timestamptz,
  p_auction interval default null
) returns matching.outcome
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_state matching.symbol_state;
  v_before reference.symbol_status_enum;
  v_at timestamptz;
  v_plan matching.phase_plan;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_before := v_symbol.status;
  if v_before = 'DELISTED' then
    raise exception '% is delisted', v_symbol.symbol
      using errcode = 'STACT', hint = 'SYMBOL_NOT_ACTIVE', column = 'symbol';
  end if;

  v_at := greatest(p_now, v_state.last_at);
  v_state := matching.apply_due_phases(v_symbol, v_state, v_at);
  update reference.symbols as s
  set status = p_status,
    status_reason = p_reason
  where s.symbol_id = p_symbol_id
  returning s.* into v_symbol;

  v_plan := case
    when p_status = 'DELISTED' then
      row('CLOSED', 'DELISTED', null, 'infinity', 'infinity', 0)::matching.phase_plan
    when p_status = 'ACTIVE' and p_auction is not null then
      matching.plan_phase(v_symbol, 'CALL', v_at, 'RESUMED', v_at + p_auction)
    when p_status = 'ACTIVE' and v_before <> 'ACTIVE' then
      matching.calendar_plan(v_symbol, v_state, v_at, 'RESUMED')
    else row(
      v_state.phase, case p_status when 'MAINTENANCE' then 'CANCEL_ONLY' else p_status::text end,
      v_state.phase_next, v_state.phase_end_at, v_state.phase_until, v_state.extension_count
    )::matching.phase_plan end;
  return matching.enter_phase(v_symbol, v_state, v_at, v_plan);
end;
$$;
comment on function matching.set_status is 'sets the status of a symbol under its lock';
