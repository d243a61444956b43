-- Keeps what decided the outcome of a batch, so that it can be run again [MAT-091]: its commands
-- with what was refused before matching, what its parties had, what the symbol was like. What the
-- venue did of its own follows from these and is not kept. A batch without an event is not kept.
-- Commands are kept as they are, not as jsonb, which takes COST; their type cannot change under
-- them, as PostgreSQL lets attributes be added to a type in use, and not be altered.
-- Takes the state from before the batch, and the number of its last event.
-- Writes: matching.command_log, matching.symbol_terms. Under the lock of the symbol.
create or replace function matching.log_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_funds matching.funds,
  p_last_seq bigint
) returns void
language plpgsql volatile
as $$
declare
  v_refused boolean := array_remove(p_batch.refusals, null) <> '{}';
  v_bars matching.refusal[];
begin
  if p_last_seq = p_state.last_seq then
    return;
  end if;
  if p_symbol.status <> 'ACTIVE' or p_state.phase <> 'CONTINUOUS' or p_batch.is_special then
    v_bars := array(select a.bar from unnest(p_batch.asked) as a);
  end if;

  insert into matching.command_log (
    segment_id, symbol_id, log_no, at, kind, first_seq, last_seq, first_order_no, terms_hash,
    commands, refusals, order_ids, bars, party_ids, base_funds, quote_funds
  )
  values (
    p_symbol.segment_id, p_symbol.symbol_id, nextval('matching.command_log_no'), p_now, 'BATCH',
    p_state.last_seq + 1, p_last_seq, p_state.last_order_no,
    matching.keep_terms(p_symbol, p_now), p_commands,
    case when v_refused then p_batch.refusals end, case when v_refused then p_batch.order_ids end,
    case when array_remove(v_bars, null) <> '{}' then v_bars end, p_funds.party_ids, p_funds.base,
    p_funds.quote
  );
end;
$$;
comment on function matching.log_batch is 'keeps what decided the outcome of a batch';
