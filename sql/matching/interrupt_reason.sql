-- Why continuous trading is to be interrupted behind a part of a batch, or null: a trade would have
-- been outside the band [MAT-082], or all stop orders are done that may fire in a batch, and more
-- would have [MAT-085]. Reads nothing.
create or replace function matching.interrupt_reason(
  p_state matching.symbol_state,
  p_outcome matching.outcome,
  p_queue matching.queue
) returns text
language sql immutable
as $$
  select case
    when p_state.phase <> 'CONTINUOUS' then null
    when p_outcome.is_breached then 'VOLATILITY'
    when p_queue.is_over and p_queue.commands || p_queue.stops = '{}' then 'CASCADE'
  end
$$;
comment on function matching.interrupt_reason is 'why continuous trading is to be interrupted';
