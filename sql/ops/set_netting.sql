-- Settles the trades of a symbol, from its next on, in the windows of a netting set; null: each by
-- itself. Raises: NFSYM, NFNET.
create or replace function ops.set_netting(
  p_symbol text,
  p_netting_set text,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform clearing.set_netting(reference.get_symbol(p_segment_id, p_symbol), p_netting_set);
end;
$$;
comment on function ops.set_netting is
  'set_netting(symbol, set): settles its trades in windows, null for each by itself';
revoke execute on function ops.set_netting from public;
grant execute on function ops.set_netting to pgsettle_operator;
