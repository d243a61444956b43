-- Refreshes mv_order_book_snapshot, without locking out its readers, and keeps a snapshot of each
-- book that has changed since its last one. Returns how many books it kept.
-- Writes: ops.mv_order_book_snapshot, matching.order_book_snapshots.
create or replace function ops.refresh_order_book_snapshot(
  p_now timestamptz default now()
) returns int
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kept int;
begin
  refresh materialized view concurrently ops.mv_order_book_snapshot;

  insert into matching.order_book_snapshots (segment_id, symbol_id, seq, taken_at, bids, asks)
  select
    st.segment_id, st.symbol_id, st.last_seq, p_now,
    matching.levels_json(st.segment_id, st.symbol_id, 'BUY', null),
    matching.levels_json(st.segment_id, st.symbol_id, 'SELL', null)
  from matching.symbol_state as st
  where st.last_seq > 0
  on conflict do nothing;

  get diagnostics v_kept = row_count;
  return v_kept;
end;
$$;
comment on function ops.refresh_order_book_snapshot is
  'refreshes mv_order_book_snapshot and keeps a snapshot of each book that changed';
revoke execute on function ops.refresh_order_book_snapshot from public;
grant execute on function ops.refresh_order_book_snapshot to pgsettle_worker, pgsettle_operator;
