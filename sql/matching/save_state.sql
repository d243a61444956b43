-- Writes the state of a symbol as a batch leaves it. Under its lock.
-- Writes: matching.symbol_state.
create or replace function matching.save_state(
  p_state matching.symbol_state
) returns void
language plpgsql volatile
as $$
begin
  update matching.symbol_state as s
  set last_seq = p_state.last_seq,
    last_order_no = p_state.last_order_no,
    last_at = p_state.last_at,
    last_price = p_state.last_price,
    phase = p_state.phase,
    phase_next = p_state.phase_next,
    phase_end_at = p_state.phase_end_at,
    phase_until = p_state.phase_until,
    extension_count = p_state.extension_count,
    next_due_at = p_state.next_due_at,
    pending_count = p_state.pending_count,
    fires_above = p_state.fires_above,
    fires_below = p_state.fires_below,
    reference_price = p_state.reference_price,
    reference_at = p_state.reference_at,
    price_sum = p_state.price_sum,
    price_count = p_state.price_count,
    band_low = p_state.band_low,
    band_high = p_state.band_high
  where s.segment_id = p_state.segment_id
    and s.symbol_id = p_state.symbol_id;
end;
$$;
comment on function matching.save_state is 'writes the state of a symbol as a batch leaves it';
