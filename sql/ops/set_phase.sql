-- Takes a symbol into a phase: for a time, or until its calendar changes next (for good, where it
-- has none). What follows is what the calendar says then, unless p_next says another.
--   select set_phase('BTC-USD', 'CALL', '5 minutes');
-- Raises: NFSYM, STACT (not active). Locks: the symbol, accounts. Writes: all that a batch writes.
create or replace function ops.set_phase(
  p_symbol text,
  p_phase reference.symbol_phase,
  p_for interval default null,
  p_next reference.symbol_phase default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform matching.set_phase(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id, p_phase, p_now, 'OPERATOR',
    p_now + p_for, p_next
  );
end;
$$;
comment on function ops.set_phase is
  'set_phase(symbol, phase, for, next): takes a symbol into a phase, for a time';
revoke execute on function ops.set_phase from public;
grant execute on function ops.set_phase to pgsettle_operator;
