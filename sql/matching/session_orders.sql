-- The resting orders that a change of phase fills or ends, as they come out of it, with the numbers
-- of the events that tell it: from p_first_seq on, first those filled, then those that end, each in
-- the order of the book. Takes the trades and their price, and the orders that are to end, each as
-- far as something is left of it. Reads only.
create or replace function matching.session_orders(
  p_symbol reference.symbols,
  p_price numeric,
  p_fills matching.call_fill[],
  p_ending_ids bigint[],
  p_first_seq bigint
) returns setof matching.session_order
language sql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
  with legs as (
    select l.order_id, f.quantity, l.fee, l.rate
    from unnest(p_fills) as f
    cross join lateral (
      values
        (f.buy_order_id, f.buyer_fee,
          case when f.is_buyer_taker then coalesce((f.buyer_charge).taker_rate, p_symbol.taker_rate)
          else coalesce((f.buyer_charge).maker_rate, p_symbol.maker_rate) end),
        (f.sell_order_id, f.seller_fee,
          case when f.is_buyer_taker
          then coalesce((f.seller_charge).maker_rate, p_symbol.maker_rate)
          else coalesce((f.seller_charge).taker_rate, p_symbol.taker_rate) end)
    ) as l (order_id, fee, rate)
  ), touched as materialized (
    select
      t.order_id, sum(t.quantity) as filled, sum(t.fee) as fee,
      sum(p_price * t.quantity * t.rate) as fee_exact, bool_or(t.is_ending) as is_ending
    from (
      select l.order_id, l.quantity, l.fee, l.rate, false
      from legs as l
      union all
      select e.order_id, 0, 0, 0, true
      from unnest(p_ending_ids) as e (order_id)
    ) as t (order_id, quantity, fee, rate, is_ending)
    group by t.order_id
  ), marked as (
    select
      b.*, t.filled, t.fee as more_fee, coalesce(t.fee_exact, 0) as more_exact,
      t.filled > 0 as is_filled, t.is_ending and t.filled < b.remaining as is_ended
    from matching.book_rows(
      p_symbol.segment_id, array(select o.order_id from touched as o)
    ) as b
    join touched as t
      on t.order_id = b.order_id
  )
  select
    m.order_id, m.owner_id, m.side, m.sort_price, m.priority_no, m.created_at, m.book_tid,
    m.remaining, m.hold, m.filled, coalesce(m.filled * p_price, 0), m.fee_exact + m.more_exact,
    m.fee + m.more_fee, m.display, m.visible, m.list_id,
    case when m.is_filled then p_first_seq - 1
      + count(*) filter (where m.is_filled) over (order by m.side, m.sort_price, m.priority_no) end,
    case when m.is_ended then p_first_seq - 1 + count(*) filter (where m.is_filled) over ()
      + count(*) filter (where m.is_ended) over (order by m.side, m.sort_price, m.priority_no) end,
    m.hold_rate
  from marked as m
  where m.is_filled
    or m.is_ended
  order by m.side, m.sort_price, m.priority_no
$$;
comment on function matching.session_orders is
  'the resting orders that a change of phase fills or ends, as they come out of it';
