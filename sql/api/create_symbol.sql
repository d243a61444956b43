-- Lists a symbol; see matching.symbol_terms for the options. Raises: STSYM, IVSYM, NFAST.
create or replace function api.create_symbol(
  p_segment_id int,
  p_symbol text,
  p_tick_size numeric,
  p_lot_size numeric,
  p_options jsonb,
  p_now timestamptz
) returns setof api.symbols
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
  select s.* from api.symbols as s where s.symbol_id = v_symbol_id;
end;
$$;
comment on function api.create_symbol is 'lists a symbol: tradable when this commits';
revoke execute on function api.create_symbol from public;
grant execute on function api.create_symbol to pgsettle_app;
