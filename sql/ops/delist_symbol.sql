-- Ends trading in a symbol for good: all its orders are cancelled and what was held for them is
-- free. What was traded settles as ever. Raises: NFSYM, STACT (delisted already). Locks: the
-- symbol, accounts. Writes: reference.symbols, all that a batch writes.
create or replace function ops.delist_symbol(
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
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id, 'DELISTED', p_reason, p_now
  );
end;
$$;
comment on function ops.delist_symbol is
  'delist_symbol(symbol, reason): ends trading for good, cancels all orders';
revoke execute on function ops.delist_symbol from public;
grant execute on function ops.delist_symbol to pgsettle_operator;
