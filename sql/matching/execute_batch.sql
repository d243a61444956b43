-- Executes the commands of one symbol in their order, in one transaction: what passes the filters
-- is matched under the lock of the symbol, and orders, holds, trades, instructions and events are
-- written together or not at all [MAT-003].
--
-- Funds are read without a lock, and the accounts are changed last, so that their locks are held
-- for the commit only, and symbols with the same traders run side by side. When that shows that
-- somebody spent elsewhere meanwhile, what was written is undone, the accounts are locked first,
-- and the batch is computed once more.
-- Takes quantities in base, prices in quote per base. An atomic batch is taken whole or not at
-- all.
-- Locks, in this order: the symbol; keys; accounts by (participant, asset).
-- Raises: STISO when not READ COMMITTED; NVFND when funds are short although they are locked.
create or replace function matching.execute_batch(
  p_symbol_id int,
  p_now timestamptz,
  p_commands matching.command[],
  p_atomic boolean default false
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_state matching.symbol_state;
  v_batch matching.batch;
  v_outcome matching.outcome;
  v_funds record;
  v_now timestamptz;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_batch := matching.parse_commands(v_symbol, p_commands);
  v_outcome.refusals := v_batch.refusals;
  if array_position(v_batch.refusals, null) is null then
    return row(v_batch, v_outcome, p_now)::matching.executed;
  end if;

  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_now := greatest(p_now, v_state.last_at);
  v_batch := matching.prepare_batch(v_symbol, v_state, v_now, p_commands, v_batch);

  for v_try in 1..2 loop
    v_funds := matching.read_funds(v_symbol, v_batch.party_ids);
    v_outcome := matching.match_batch(
      v_symbol, v_state.last_seq, v_batch, v_funds.base, v_funds.quote
    );
    if p_atomic and exists (
      select from unnest(v_outcome.refusals) as r (refusal)
      where r.refusal not in ('REPEATED', 'ALREADY_CANCELLED')
    ) then
      return matching.roll_back(v_symbol, v_batch, v_outcome, v_now);
    end if;
    begin
      perform matching.record_outcome(v_symbol, v_state, v_now, p_commands, v_batch, v_outcome);
      exit when matching.change_funds(v_symbol, v_outcome);
      raise exception 'funds are short although they are locked' using errcode = 'NVFND';
    exception when sqlstate 'NVFND' then
      if v_try = 2 then
        raise;
      end if;
      -- What was written and locked has gone with the block; these are taken in their order.
      perform matching.lock_funds(v_symbol, v_batch.party_ids);
    end;
  end loop;

  update matching.symbol_state as s
  set last_seq = v_outcome.last_seq,
    last_order_no = s.last_order_no + cardinality(array_remove(v_batch.order_ids, null)),
    last_at = v_now,
    last_price = coalesce(
      v_outcome.fill_prices[cardinality(v_outcome.fill_prices)], s.last_price
    )
  where s.segment_id = v_symbol.segment_id
    and s.symbol_id = p_symbol_id;

  return row(v_batch, v_outcome, v_now)::matching.executed;
end;
$$;
comment on function matching.execute_batch is
  'executes commands of one symbol in their order, in one transaction';
