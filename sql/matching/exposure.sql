-- What a participant has at a symbol: how many orders are open or parked, and what it may come to
-- own of the base asset: what it has and is to get, with what its buy orders may still bring
-- [MAT-063]: of those of which one cancels the other, only one, the larger. Reads only.
create or replace function matching.exposure(
  p_symbol reference.symbols,
  p_participant_id int,
  out open_orders bigint,
  out owned numeric
)
language sql stable
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select
    coalesce(sum(o.orders), 0),
    coalesce(sum(o.quantity), 0) + coalesce((
      select a.posted + a.unsettled_in - a.unsettled_out
      from ledger.find_account(
        p_symbol.segment_id, p_participant_id, p_symbol.base_asset_id
      ) as a
    ), 0)
  from (
    select count(*) as orders, max(u.quantity) filter (where u.is_buy) as quantity
    from (
      select b.side = 'BUY' as is_buy, b.remaining_quantity as quantity,
        coalesce(b.list_id, b.order_id) as list_id
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.participant_id = p_participant_id
        and b.symbol_id = p_symbol.symbol_id
      union all
      select k.side = 'BUY', k.quantity, coalesce(k.list_id, k.order_id)
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.participant_id = p_participant_id
        and k.symbol_id = p_symbol.symbol_id
    ) as u
    group by u.list_id
  ) as o
$$;
comment on function matching.exposure is 'what a participant has and may come to have at a symbol';
