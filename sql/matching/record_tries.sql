-- Writes of lists whose exits waited for their funds what there is now, after these were tried, or
-- that they wait no longer. Writes: matching.order_lists. Under the lock of the symbol.
create or replace function matching.record_tries(
  p_symbol reference.symbols,
  p_tried bigint[],
  p_ended bigint[]
) returns void
language plpgsql volatile
set enable_nestloop = on  -- few, and looked up by key
set enable_seqscan = off
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
begin
  update matching.order_lists as l
  set funds_tried = case when l.list_id = any (p_tried) then (
    select a.posted - a.held
    from matching.orders as e
    cross join lateral ledger.find_account(
      e.segment_id, e.participant_id,
      case e.side when 'BUY' then p_symbol.base_asset_id else p_symbol.quote_asset_id end
    ) as a
    where e.segment_id = l.segment_id
      and e.order_id = l.entry_order_id
      and e.created_at = l.created_at
  ) end
  from reference.ids(p_symbol.segment_id, p_tried || p_ended) as i
  where l.segment_id = i.segment_id
    and l.list_id = i.id;
end;
$$;
comment on function matching.record_tries is
  'writes of lists that were tried what there was, or that they wait no longer';
