-- Stops trading in a symbol before the next match: orders are refused, cancels still work. Waits
-- for the batch that is running. Raises: NFSYM, STACT (delisted). Locks: the symbol.
-- Writes: reference.symbols, matching.events.
create or replace function ops.halt_symbol(
  p_symbol text,
  p_reason text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform matching.change_status(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id, 'HALTED', p_reason, p_now
  );
end;
$$;
comment on function ops.halt_symbol is
  'halt_symbol(symbol, reason): stops trading before the next match';
revoke execute on function ops.halt_symbol from public;
grant execute on function ops.halt_symbol to pgsettle_operator;
