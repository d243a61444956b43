-- Keeps what decided the outcome of a batch, so that it can be run again [MAT-091]: its commands
-- with what was refused before matching, what its parties had, what the symbol was like, the change
-- of phase that was asked for, and how those that came were planned, since calendars change and
-- ends are drawn. What the venue did of its own follows from these and is not kept, nor is a batch
-- without an event.
-- Commands are kept as they are: as jsonb without nulls, 2,000 of them take 95 ms and not 6, and as
-- much room, 11 bytes each. Their type cannot change under them: PostgreSQL lets attributes be
-- added to a type in use, and none altered.
-- Processor time of a batch with it by that without, in turn in one run on PostgreSQL 18: 1.03 for
-- one order, 1.04 for 32, 1.01 for 2,000; the runs of the same lie as far apart.
-- Takes the state from before the batch, its last step, and the state behind it.
-- Writes: matching.command_log, matching.symbol_terms. Under the lock of the symbol.
create or replace function matching.log_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_plan matching.phase_plan,
  p_step matching.step,
  p_after matching.symbol_state
) returns void
language plpgsql volatile
as $$
declare
  v_refused boolean := array_remove(p_batch.refusals, null) <> '{}';
begin
  if p_after.last_seq = p_state.last_seq or p_step.is_replayed then
    return;
  end if;

  insert into matching.command_log (
    segment_id, symbol_id, log_no, at, kind, first_seq, last_seq, first_order_no, terms_hash,
    commands, refusals, order_ids, plan, plans, party_ids, base_funds, quote_funds
  )
  values (
    p_symbol.segment_id, p_symbol.symbol_id, nextval('matching.command_log_no'), p_now, 'BATCH',
    p_state.last_seq + 1, p_after.last_seq, p_state.last_order_no,
    matching.keep_terms(p_symbol, p_now), p_commands,
    case when v_refused then p_batch.refusals end, case when v_refused then p_batch.order_ids end,
    case when num_nonnulls(p_plan.phase, p_plan.reason) > 0 then p_plan end,
    case when p_step.plans <> '{}' then p_step.plans end, (p_step.funds).party_ids,
    (p_step.funds).base, (p_step.funds).quote
  );
end;
$$;
comment on function matching.log_batch is 'keeps what decided the outcome of a batch';
