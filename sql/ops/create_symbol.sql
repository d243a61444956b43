-- Lists a symbol; see matching.symbol_terms for the options. Returns its row.
-- Raises: STSYM, IVSYM.
create or replace function ops.create_symbol(
  p_symbol text,
  p_tick_size numeric,
  p_lot_size numeric,
  p_options jsonb default '{}',
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns setof reference.symbols
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol_id int := matching.create_symbol(
    p_segment_id, p_symbol, p_tick_size, p_lot_size, p_options, p_now
  );
begin
  return query
  select s.* from reference.symbols as s where s.symbol_id = v_symbol_id;
end;
$$;
comment on function ops.create_symbol is
  'create_symbol(symbol, tick_size, lot_size, options): lists a symbol, tradable at once';
revoke execute on function ops.create_symbol from public;
grant execute on function ops.create_symbol to pgsettle_operator;
