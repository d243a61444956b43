-- The lists of a symbol whose exits wait for what their entry has traded, for which there is more
-- by now than when that did not do; or nothing more to come, which is the last time. None while
-- the symbol is not active. Reads only.
create or replace function matching.funded_lists(
  p_segment_id int,
  p_symbol_id int
) returns table (
  list_id bigint,
  entry_id bigint,
  entry_at timestamptz,
  is_partial boolean,
  is_last boolean
)
language sql volatile
rows 1
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select
    l.list_id, l.entry_order_id, l.created_at, l.is_partial, a.unsettled_in = 0
  from matching.order_lists as l
  join reference.symbols as s
    on s.symbol_id = l.symbol_id
  join matching.orders as e
    on e.segment_id = l.segment_id
    and e.order_id = l.entry_order_id
    and e.created_at = l.created_at
  cross join lateral ledger.find_account(
    e.segment_id, e.participant_id,
    case e.side when 'BUY' then s.base_asset_id else s.quote_asset_id end
  ) as a
  where l.segment_id = p_segment_id
    and l.symbol_id = p_symbol_id
    and l.funds_tried is not null
    and s.status = 'ACTIVE'
    and (a.unsettled_in = 0 or a.posted - a.held > l.funds_tried)
  order by l.list_id
$$;
comment on function matching.funded_lists is 'the lists whose exits wait and that have more';
