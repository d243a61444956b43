-- Writes what a change of phase did, but for its events: orders, trades with their instructions,
-- the state of the symbol, and last the accounts. An uncrossing sets the reference price [MAT-081].
-- Locks: accounts, in key order.
-- Raises: NVFND when a hold did not cover what its order cost: a broken invariant.
create or replace function matching.record_session(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_plan matching.phase_plan,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  v_price numeric := p_outcome.fill_prices[1];
begin
  perform matching.update_resting(p_symbol.segment_id, p_at, array(
    select f from matching.final_orders(p_outcome) as f
  ));
  if v_price is not null then
    perform matching.record_trades(p_symbol, p_at, p_outcome);
  end if;

  update matching.symbol_state as s
  set last_seq = p_outcome.last_seq,
    last_at = p_at,
    last_price = coalesce(v_price, s.last_price),
    phase = p_plan.phase,
    phase_next = p_plan.phase_next,
    phase_end_at = p_plan.phase_end_at,
    phase_until = p_plan.phase_until,
    extension_count = p_plan.extension_count,
    next_due_at = least(s.next_due_at, p_plan.phase_until),
    reference_price = coalesce(v_price, s.reference_price),
    reference_at = case when v_price is null then s.reference_at else p_at end,
    price_sum = case when v_price is null then s.price_sum else 0 end,
    price_count = case when v_price is null then s.price_count else 0 end
  where s.segment_id = p_symbol.segment_id
    and s.symbol_id = p_symbol.symbol_id;

  if not matching.change_funds(p_symbol, p_outcome) then
    raise exception 'a hold does not cover what its order cost' using errcode = 'NVFND';
  end if;
end;
$$;
comment on function matching.record_session is 'writes what a change of phase did';
