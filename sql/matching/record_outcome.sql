-- Writes what came of a batch: orders, trades with their instructions, prevented matches, events.
-- Not the accounts: they come last, because others wait for them. Under the lock of the symbol.
create or replace function matching.record_outcome(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  v_standing matching.final_order[];
begin
  if p_batch.has_amendments then
    perform matching.record_shortage(p_symbol, p_batch, p_outcome);
  end if;
  if p_outcome.last_seq = p_state.last_seq then
    return;
  end if;
  v_standing := matching.record_orders(p_symbol, p_now, p_commands, p_batch, p_outcome);
  if v_standing is not null then
    perform matching.update_standing(p_symbol.segment_id, p_now, v_standing);
  end if;
  if matching.has_parked(p_batch, p_outcome, v_standing) then
    perform matching.record_parked(p_symbol, p_commands, p_outcome, v_standing);
  end if;
  if p_batch.is_special
    and exists (select from unnest(p_commands) as c where c.list_no is not null) then
    perform matching.record_lists(p_symbol, p_now, p_commands, p_batch);
  end if;
  if p_batch.has_amendments then
    perform matching.record_times(p_symbol, p_commands, p_outcome);
  end if;
  if p_outcome.fills is not null then
    perform matching.record_trades(p_symbol, p_now, p_outcome);
  end if;
  if p_outcome.prevented is not null then
    perform matching.record_prevented(p_symbol, p_now, p_outcome);
  end if;
  perform matching.record_events(p_symbol, p_now, p_batch, p_outcome);
end;
$$;
comment on function matching.record_outcome is
  'writes what came of a batch: orders, trades, instructions, events';
