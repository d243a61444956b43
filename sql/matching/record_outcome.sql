-- Writes what came of a batch: orders, trades with their instructions, events. Not the accounts:
-- they come last, because others wait for them. Under the lock of the symbol.
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
  c_ids_per_symbol constant bigint := 1000000000000;
begin
  perform matching.update_resting(p_symbol.segment_id, p_now, matching.record_orders(
    p_symbol, p_now, p_symbol.symbol_id * c_ids_per_symbol + p_state.last_order_no, p_commands,
    p_batch, p_outcome
  ));
  if p_outcome.fill_seqs is not null then
    perform matching.record_trades(p_symbol, p_now, p_outcome);
  end if;
  if p_outcome.last_seq > p_state.last_seq then
    perform matching.record_events(p_symbol, p_now, p_batch, p_outcome);
  end if;
end;
$$;
comment on function matching.record_outcome is
  'writes what came of a batch: orders, trades, instructions, events';
