-- Lets a symbol trade by a calendar, null for always, and takes it where that leads.
-- Raises: NFSYM, NFCAL. Locks: the symbol, accounts. Writes: reference.symbols, all that a batch
-- writes.
create or replace function ops.set_calendar(
  p_symbol text,
  p_calendar text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform matching.set_calendar(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id,
    case when p_calendar is not null then (reference.get_calendar(p_calendar)).calendar_id end,
    p_now
  );
end;
$$;
comment on function ops.set_calendar is
  'set_calendar(symbol, calendar): lets a symbol trade by a calendar, null for always';
revoke execute on function ops.set_calendar from public;
grant execute on function ops.set_calendar to pgsettle_operator;
