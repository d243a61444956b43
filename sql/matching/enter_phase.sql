-- Takes a symbol into a phase, or only into a new plan for the one it is in, and writes all of it
-- but its state and the accounts.
-- A call that leads to CONTINUOUS or CLOSED is uncrossed first, and so is whatever rests crossed
-- when CONTINUOUS begins, because orders came while it was closed; but not a call whose time passed
-- while the symbol was halted and that would only have closed [MAT-074]. With that, orders for
-- calls end; orders for continuous trading end when a call begins, or what is before one. In a
-- symbol that is delisted all orders end [MAT-084].
-- Takes the state as it is under the lock. Returns what became of orders, as an outcome of the
-- matcher. What follows from it (stop orders, lists) is the caller's, and so is
-- matching.phase_state.
-- Writes: all that a batch writes.
create or replace function matching.enter_phase(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_plan matching.phase_plan
) returns matching.outcome
language plpgsql volatile
as $$
declare
  v_in_close boolean := p_plan.phase = 'CLOSED';
  v_is_crossing boolean := p_symbol.status = 'ACTIVE' and p_plan.phase <> p_state.phase and (
    p_plan.phase = 'CONTINUOUS'
    or v_in_close and p_state.phase = 'CALL' and p_at <= p_state.phase_until
  );
  v_is_over boolean := p_symbol.status = 'DELISTED';
  v_end_reason matching.end_reason := case when v_is_over then 'DELISTED' else 'AUCTION_ONLY' end;
  v_ending_ids bigint[];
  v_indication matching.indication;
  v_fills matching.call_fill[] := '{}';
  v_orders matching.session_order[];
  v_outcome matching.outcome;
  v_first_seq bigint := p_state.last_seq + 1;
begin
  if v_is_crossing then
    perform matching.fold_volumes(p_symbol, p_at);
    v_indication := matching.uncrossing(
      p_symbol, coalesce(p_state.last_price, p_state.reference_price), v_in_close, p_at
    );
    v_fills := array(
      select f
      from matching.call_fills(
        p_symbol, v_indication.price, v_indication.volume, v_in_close, p_at
      ) as f
    );
    if p_state.phase <> 'CALL' and v_indication.volume = 0 then
      v_indication := null;
    else
      v_first_seq := v_first_seq + 1;
    end if;
  end if;

  v_ending_ids := matching.ending_orders(p_symbol, case
    when v_is_over then null
    when p_plan.phase = p_state.phase then '{}'
    when p_plan.phase in ('PRE_OPEN', 'CALL') then '{GTX}'
    else '{OPG,CLS,GFA}' end::matching.time_in_force_enum[]);
  v_orders := array(
    select o
    from matching.session_orders(
      p_symbol, v_indication.price, v_fills, v_ending_ids, v_first_seq + cardinality(v_fills)
    ) as o
  );
  v_outcome := matching.session_outcome(
    p_symbol, v_indication.price, v_end_reason, v_fills, v_orders, v_first_seq
  );
  v_outcome.last_seq := matching.record_session_events(
    p_symbol, p_state, p_at, p_plan, v_indication, v_end_reason, v_fills, v_orders
  );
  perform matching.update_standing(p_symbol.segment_id, p_at, array(
    select f from matching.final_orders(v_outcome) as f
  ));
  if v_outcome.fills is not null then
    perform matching.record_trades(p_symbol, p_at, v_outcome);
  end if;
  return v_outcome;
end;
$$;
comment on function matching.enter_phase is 'takes a symbol into a phase, and writes all of it';
