-- Opens a symbol again that was halted or restricted: at once, or through a call that lasts
-- p_auction and ends in an uncrossing. With a calendar it goes where that says for now.
-- Raises: NFSYM, STACT (delisted). Locks: the symbol, accounts. Writes: reference.symbols, all that
-- a batch writes.
create or replace function ops.resume_symbol(
  p_symbol text,
  p_auction interval default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform matching.change_status(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id, 'ACTIVE', null, p_now, p_auction
  );
end;
$$;
comment on function ops.resume_symbol is
  'resume_symbol(symbol, auction): opens a halted symbol again, through an auction if one is given';
revoke execute on function ops.resume_symbol from public;
grant execute on function ops.resume_symbol to pgsettle_operator;
