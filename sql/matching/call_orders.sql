-- The orders that can trade in a call: bids that reach p_low or more, asks that reach p_high or
-- less, whose time is not over; with all that remains of them, shown or not. With the lowest ask
-- and the highest bid these are the orders where the book is crossed, however deep it is.
-- Each side is a query of its own: as one condition, or one join, they were planned as a walk of
-- the whole book while it was small, and read all of it when it was large. Reads only.
create or replace function matching.call_orders(
  p_symbol reference.symbols,
  p_low numeric,
  p_high numeric,
  p_in_close boolean,
  p_at timestamptz
) returns setof matching.call_order
language plpgsql volatile
set enable_seqscan = off     -- a plan made while the book was small must look it up by its order
set enable_bitmapscan = off  -- when it is large
as $$
declare
  v_side matching.order_side_enum;
begin
  foreach v_side in array array['BUY', 'SELL']::matching.order_side_enum[] loop
    return query
    select
      b.side, b.order_id, b.participant_id, b.sort_price, b.priority_no, abs(b.sort_price),
      b.remaining_quantity, b.fee_exact, b.fee_amount, b.hold_rate
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.side = v_side
      and b.sort_price <= case when v_side = 'BUY' then -p_low else p_high end
      and not matching.is_over(b.expire_at, b.session_rule, p_in_close, p_at);
  end loop;
end;
$$;
comment on function matching.call_orders is 'the orders that can trade in a call';
