-- The last event number of each symbol, and as symbol 0 the last finality number of the journals:
-- where a feed that begins now begins. Reads only.
create or replace function api.feed_positions(
  p_segment_id int
) returns table (
  symbol_id int,
  symbol text,
  seq bigint
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select st.symbol_id, s.symbol, st.last_seq
  from matching.symbol_state as st
  join reference.symbols as s
    on s.symbol_id = st.symbol_id
  where st.segment_id = p_segment_id
  union all
  select 0, null, l.last_finality_no
  from ledger.segment_state as l
  where l.segment_id = p_segment_id
  order by 1
$$;
comment on function api.feed_positions is
  'the last event number of each symbol and of the journals';
revoke execute on function api.feed_positions from public;
grant execute on function api.feed_positions to pgsettle_app;
