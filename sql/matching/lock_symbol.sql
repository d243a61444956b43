-- Takes the lock of a symbol to the end of the transaction and returns its state, read after the
-- lock was given. First the advisory lock, then the row: writers of one symbol wait in line on the
-- first, and the second holds where the first does not reach (another node of a spread venue).
-- READ COMMITTED only: under REPEATABLE READ the read after the lock would be a stale one, and the
-- book would cross (measured elsewhere: within 32 orders of two clients) [MAT-002].
-- Locks: advisory (1, symbol_id), then the row of matching.symbol_state.
-- Raises: STISO at any other isolation level.
create or replace function matching.lock_symbol(
  p_segment_id int,
  p_symbol_id int
) returns matching.symbol_state
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 1;
  v_state matching.symbol_state;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'matching needs READ COMMITTED, not %', current_setting('transaction_isolation')
      using errcode = 'STISO', hint = 'WRONG_ISOLATION';
  end if;

  perform pg_advisory_xact_lock(c_lock_space, p_symbol_id);

  select s.* into strict v_state
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
    and s.symbol_id = p_symbol_id
  for no key update;

  return v_state;
end;
$$;
comment on function matching.lock_symbol is 'takes the lock of a symbol and returns its state';
