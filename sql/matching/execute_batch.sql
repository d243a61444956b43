-- Executes the commands of one symbol in their order, in one transaction: what passes the filters
-- is matched under the lock of the symbol, and orders, holds, trades, instructions and events are
-- written together or not at all [MAT-003]. Without commands it does what is due.
--
-- Funds are read without a lock, and the accounts are changed last, so that their locks are held
-- for the commit only, and symbols with the same traders run side by side. When that shows that
-- somebody spent elsewhere meanwhile, what was written is undone, the accounts are locked first,
-- and the batch computed once more.
-- Takes quantities in base, prices in quote per base. An atomic batch is taken whole or not at
-- all.
-- Locks, in this order: the symbol; keys; accounts by (participant, asset).
-- Raises: STISO when not READ COMMITTED; NVFND when funds are short although they are locked; NVBAT
-- when the batch broke an invariant: a rule of a table, or what matching.check_batch looks at.
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
  v_done matching.executed;
  v_now timestamptz;
  v_limits boolean;
  v_rule text;
  v_row text;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_batch := matching.parse_commands(v_symbol, p_commands);
  v_limits := matching.has_limits(v_symbol, p_commands);
  if v_limits then
    v_batch := matching.refuse_beyond_limits(v_symbol, p_now, p_commands, v_batch);
  end if;
  if array_position(v_batch.refusals, null) is null and p_commands <> '{}' then
    v_done.outcome.refusals := v_batch.refusals;
    v_done.batch := v_batch;
    v_done.executed_at := p_now;
    return v_done;
  end if;

  if v_batch.is_special then
    p_commands := matching.wait_for_symbol(p_symbol_id, p_now, p_commands);
  end if;
  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_now := greatest(p_now, v_state.last_at);
  if v_limits then
    v_batch := matching.refuse_beyond_limits(v_symbol, v_now, p_commands, v_batch);
  end if;
  v_batch := matching.prepare_batch(v_symbol, v_state, v_now, p_commands, v_batch);
  -- Behind the keys: a repeat asks for the same, whatever day it is by then.
  if v_batch.is_special then
    p_commands := matching.date_commands(v_symbol, v_state, v_now, p_commands);
  end if;

  for v_try in 1..2 loop
    begin
      v_done := matching.run_batch(v_symbol, v_state, v_now, p_commands, v_batch);
      if p_atomic and matching.breaks_atomic(
        v_symbol.segment_id, v_batch, (v_done.outcome).refusals
      ) then
        raise exception 'a command of an atomic batch is refused' using errcode = 'RJATM';
      end if;
      exit when v_done.changes is null
        or ledger.change_accounts(v_symbol.segment_id, v_done.changes);
      raise exception 'funds are short although they are locked' using errcode = 'NVFND';
    exception
      when sqlstate 'RJATM' then
        return matching.roll_back(v_symbol, v_batch, v_done.outcome, v_now);
      when sqlstate 'NVFND' then
        if v_try = 2 then
          raise;
        end if;
        -- What was written and locked has gone with the block; these are taken in their order.
        perform matching.lock_funds(v_symbol, v_batch.owner_ids);
      when check_violation then
        get stacked diagnostics v_rule = constraint_name, v_row = pg_exception_detail;
        raise exception 'a batch of % breaks the rule %', v_symbol.symbol, v_rule
          using errcode = 'NVBAT', detail = v_row;
    end;
  end loop;

  perform matching.save_state(v_done.state);
  return v_done;
end;
$$;
comment on function matching.execute_batch is
  'executes commands of one symbol in their order, in one transaction';
