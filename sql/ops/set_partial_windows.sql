-- Says when instructions of a symbol may settle in part, in UTC; none: always.
--   select set_partial_windows('BTC-USD', '[["08:00", "08:30"], ["14:00", "14:30"]]');
-- Raises: NFSYM, IVWIN.
create or replace function ops.set_partial_windows(
  p_symbol text,
  p_windows jsonb,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.set_partial_windows(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id, p_windows
  );
end;
$$;
comment on function ops.set_partial_windows is
  'set_partial_windows(symbol, windows): when its instructions may settle in part';
revoke execute on function ops.set_partial_windows from public;
grant execute on function ops.set_partial_windows to pgsettle_operator;
