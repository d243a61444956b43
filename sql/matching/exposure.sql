-- What a participant has at a symbol: how many orders are open or parked, and what it may come to
-- own of the base asset: what it has and is to get, with what its buy orders may still bring.
-- Both orders of a pair of which one cancels the other count. Reads only.
create or replace function matching.exposure(
  p_symbol reference.symbols,
  p_participant_id int,
  out open_orders bigint,
  out owned numeric
)
language sql stable
as $$
  select
    count(o.is_buy),
    coalesce(sum(o.quantity) filter (where o.is_buy), 0) + coalesce((
      select a.posted + a.unsettled_in - a.unsettled_out
      from ledger.accounts as a
      where a.segment_id = p_symbol.segment_id
        and a.participant_id = p_participant_id
        and a.asset_id = p_symbol.base_asset_id
    ), 0)
  from (
    select b.side = 'BUY' as is_buy, b.remaining_quantity as quantity
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.participant_id = p_participant_id
      and b.symbol_id = p_symbol.symbol_id
    union all
    select k.side = 'BUY', k.quantity
    from matching.parked_orders as k
    where k.segment_id = p_symbol.segment_id
      and k.participant_id = p_participant_id
      and k.symbol_id = p_symbol.symbol_id
  ) as o
$$;
comment on function matching.exposure is 'what a participant has and may come to have at a symbol';
