-- The symbols at which something is due: an order expires, a phase ends, or orders that were
-- accepted wait for the matcher, or exits whose funds have come [MAT-053], all of which go on to
-- wait while their symbol is not active. Reads only.
create or replace function matching.due_symbols(
  p_segment_id int,
  p_now timestamptz
) returns setof int -- symbol ids
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.symbol_id
  from matching.symbol_state as s
  join reference.symbols as y
    on y.symbol_id = s.symbol_id
  where s.segment_id = p_segment_id
    and (
      s.next_due_at <= p_now
      or s.pending_count > 0 and y.status = 'ACTIVE'
      or exists (select from matching.funded_lists(s.segment_id, s.symbol_id))
    )
  order by s.symbol_id
$$;
comment on function matching.due_symbols is 'the symbols at which something is due';
revoke execute on function matching.due_symbols from public;
grant execute on function matching.due_symbols to pgsettle_worker;
