-- Whether nothing may be cancelled or amended now: in the last part of a call, where the symbol
-- says how long that is [MAT-070]. Counted from the announced end: from the drawn one it would tell
-- the draw [MAT-076]. Reads nothing.
create or replace function matching.are_cancels_locked(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz
) returns boolean
language sql stable
as $$
  select p_state.phase = 'CALL'
    and p_symbol.cancel_lock_time > '0'
    and p_at >= p_state.phase_end_at - p_symbol.cancel_lock_time
$$;
comment on function matching.are_cancels_locked is 'whether nothing may be cancelled now';
