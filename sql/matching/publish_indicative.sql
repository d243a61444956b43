-- Tells what a call would give now: an INDICATIVE event with the price, the volume and what would
-- be left over (remaining, on side) [MAT-078]; unless nothing changed the book since an event. At
-- the end of a batch in a call. Writes: matching.events.
create or replace function matching.publish_indicative(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_since_seq bigint,
  p_at timestamptz
) returns bigint -- the number of the last event
language plpgsql volatile
as $$
declare
  v_indication matching.indication;
begin
  if not exists (
    select from matching.events as e
    where e.segment_id = p_symbol.segment_id
      and e.symbol_id = p_symbol.symbol_id
      and e.seq > p_since_seq
      and e.kind not in ('REJECTED', 'PARKED', 'PHASE')
  ) then
    return p_state.last_seq;
  end if;

  v_indication := matching.uncrossing(
    p_symbol, coalesce(p_state.last_price, p_state.reference_price),
    matching.is_in_close(p_symbol, p_state), p_at
  );
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, side, price, quantity, remaining
  )
  values (
    p_symbol.segment_id, p_symbol.symbol_id, p_state.last_seq + 1, p_at, 'INDICATIVE',
    v_indication.surplus_side, v_indication.price, v_indication.volume,
    coalesce(v_indication.surplus, 0)
  );
  return p_state.last_seq + 1;
end;
$$;
comment on function matching.publish_indicative is 'tells what a call would give now';
