-- Brings orders that were resting before this batch up to date, in orders and in the book, which
-- they leave when nothing of them is left. In the book by the place where they were read: under the
-- lock of the symbol nobody moves them, and no index can be mistaken for another. (A book that was
-- vacuumed while it was empty had its orders looked up by segment alone: 15 ms for 7 of 1,000.)
-- Writes: matching.orders, matching.book. Under the lock of the symbol.
create or replace function matching.update_resting(
  p_segment_id int,
  p_now timestamptz,
  p_orders matching.final_order[]
) returns void
language plpgsql volatile
set enable_nestloop = on  -- whatever the caller has set; and never by way of
set enable_seqscan = off  -- the whole table, however small it was when this was planned
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  if p_orders is null then
    return;
  end if;

  update matching.orders as o
  set filled_quantity = o.filled_quantity + f.filled,
    filled_notional = o.filled_notional + f.notional,
    remaining_quantity = f.remaining,
    cancelled_quantity = coalesce(f.quantity, o.quantity) - o.filled_quantity - f.filled
      - f.remaining,
    quantity = coalesce(f.quantity, o.quantity),
    price = abs(f.sort_price),
    fee_amount = f.fee,
    end_reason = f.end_reason,
    status = matching.status_of(f.remaining, o.filled_quantity + f.filled, f.end_reason, null),
    last_seq = f.last_seq,
    updated_at = p_now
  from matching.resting_orders(p_segment_id, p_orders) as f
  where o.segment_id = f.segment_id
    and o.order_id = f.order_id
    and o.created_at = f.created_at;

  delete from matching.book as b
  using matching.resting_orders(p_segment_id, p_orders) as f
  where b.ctid = f.book_tid
    and b.segment_id = p_segment_id
    and b.order_id = f.order_id
    and f.remaining = 0;

  update matching.book as b
  set sort_price = f.sort_price,
    priority_no = f.priority_no,
    remaining_quantity = f.remaining,
    hold_amount = f.hold,
    fee_exact = f.fee_exact,
    fee_amount = f.fee
  from matching.resting_orders(p_segment_id, p_orders) as f
  where b.ctid = f.book_tid
    and b.segment_id = p_segment_id
    and b.order_id = f.order_id
    and f.remaining > 0;
end;
$$;
comment on function matching.update_resting is
  'brings orders that were resting before a batch up to date';
