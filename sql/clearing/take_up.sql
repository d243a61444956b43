-- Ends the instructions of a window: the window settles them by its nets.
-- Writes: settlement.waiting_instructions, cancelled_instructions.
create or replace function clearing.take_up(
  p_window clearing.windows,
  p_now timestamptz
) returns void
language sql volatile
as $$
  with gone as (
    delete from settlement.waiting_instructions as i
    where i.segment_id = p_window.segment_id
      and i.window_id = p_window.window_id
    returning i.*
  )
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by, netted_into, is_prefunded
  )
  select
    g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
    g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
    g.attempts + 1, g.created_at, p_now, 'NETTED', 'clearing', p_window.window_id, g.is_prefunded
  from gone as g
$$;
comment on function clearing.take_up is 'ends the instructions of a window';
