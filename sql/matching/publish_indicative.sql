-- Tells what a call would give now: an INDICATIVE event with the price, the volume and what would
-- be left over (remaining, on side) [MAT-078]. Called at the end of each batch that changed the
-- book in a call, with the number of its last event. Writes: matching.events, with the next number.
create or replace function matching.publish_indicative(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_last_seq bigint,
  p_at timestamptz
) returns bigint -- its number
language plpgsql volatile
as $$
declare
  v_indication matching.indication := matching.uncrossing(
    p_symbol, coalesce(p_state.last_price, p_state.reference_price),
    coalesce(p_state.phase_next = 'CLOSED', false), p_at
  );
begin
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, side, price, quantity, remaining
  )
  values (
    p_symbol.segment_id, p_symbol.symbol_id, p_last_seq + 1, p_at, 'INDICATIVE',
    v_indication.surplus_side, v_indication.price, v_indication.volume,
    coalesce(v_indication.surplus, 0)
  );
  return p_last_seq + 1;
end;
$$;
comment on function matching.publish_indicative is 'tells what a call would give now';
