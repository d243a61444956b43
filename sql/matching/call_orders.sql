-- The orders that can trade in a call: bids that reach p_low or more, asks that reach p_high or
-- less, whose time is not over; with all that remains of them, shown or not. With the lowest ask
-- and the highest bid these are the orders where the book is crossed, however deep it is: one index
-- scan a side. Reads only.
create or replace function matching.call_orders(
  p_symbol reference.symbols,
  p_low numeric,
  p_high numeric,
  p_in_close boolean,
  p_at timestamptz
) returns setof matching.call_order
language plpgsql volatile
set enable_seqscan = off  -- a plan made while the book was small must look it up when it is large
as $$
begin
  return query
  select
    o.side, o.order_id, o.participant_id, o.sort_price, o.priority_no, o.reach,
    o.remaining_quantity, o.fee_exact, o.fee_amount
  from (
    select
      b.*,
      matching.reach_of(p_symbol, b.side, b.sort_price, b.remaining_quantity, b.hold_amount)
        as reach
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and (b.side = 'BUY' and b.sort_price <= -p_low or b.side = 'SELL' and b.sort_price <= p_high)
      and not matching.is_over(b.expire_at, b.session_rule, p_in_close, p_at)
  ) as o
  where case when o.side = 'BUY' then o.reach >= p_low else o.reach <= p_high end;
end;
$$;
comment on function matching.call_orders is 'the orders that can trade in a call';
