-- Opens a halted symbol for trading again. Raises: NFSYM. Locks: the symbol.
-- Writes: reference.symbols.
create or replace function ops.resume_symbol(
  p_symbol text,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ops.set_symbol_status(p_segment_id, p_symbol, 'ACTIVE', null);
end;
$$;
comment on function ops.resume_symbol is 'resume_symbol(symbol): opens a halted symbol again';
revoke execute on function ops.resume_symbol from public;
grant execute on function ops.resume_symbol to pgsettle_operator;
