-- Lets a symbol only be cancelled in: orders are refused, amendments may only take quantity away.
-- Raises: NFSYM, STACT (delisted). Locks: the symbol. Writes: reference.symbols, matching.events.
create or replace function ops.restrict_symbol(
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
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id, 'MAINTENANCE', p_reason, p_now
  );
end;
$$;
comment on function ops.restrict_symbol is
  'restrict_symbol(symbol, reason): cancels only, until it is resumed';
revoke execute on function ops.restrict_symbol from public;
grant execute on function ops.restrict_symbol to pgsettle_operator;
