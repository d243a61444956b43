-- The resting orders that a change of phase fills or ends, as they come out of it, with the numbers
-- of the events that tell it: from p_first_seq on, first those filled, then those that end, each in
-- the order of the book. Takes the trades and their price, and the rules whose orders end: all
-- orders when null, none when empty. Reads only.
create or replace function matching.session_orders(
  p_symbol reference.symbols,
  p_price numeric,
  p_fills matching.call_fill[],
  p_ends matching.time_in_force_enum[],
  p_first_seq bigint
) returns setof matching.session_order
language sql volatile
as $$
  with legs as materialized (
    select l.order_id, f.quantity, l.fee, l.rate
    from unnest(p_fills) as f
    cross join lateral (
      values
        (f.buy_order_id, f.buyer_fee,
          case when f.is_buyer_taker then p_symbol.taker_rate else p_symbol.maker_rate end),
        (f.sell_order_id, f.seller_fee,
          case when f.is_buyer_taker then p_symbol.maker_rate else p_symbol.taker_rate end)
    ) as l (order_id, fee, rate)
  ), filled as materialized (
    select
      l.order_id, sum(l.quantity) as quantity, sum(l.fee) as fee,
      sum(p_price * l.quantity * l.rate) as fee_exact
    from legs as l
    group by l.order_id
  ), orders as (
    select b.ctid as book_tid, b.*, coalesce(f.quantity, 0) as filled, f.fee, f.fee_exact as exact
    from filled as f
    join matching.book as b
      on b.segment_id = p_symbol.segment_id
      and b.order_id = f.order_id
    union all
    select b.ctid, b.*, 0, 0, 0
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and (p_ends is null or b.session_rule = any (p_ends))
      and b.order_id not in (select f.order_id from filled as f)
  ), marked as (
    select
      o.*, o.filled > 0 as is_filled,
      o.filled < o.remaining_quantity and coalesce(p_ends is null or o.session_rule = any (p_ends),
        false) as is_ended
    from orders as o
  )
  select
    m.order_id, m.participant_id, m.side, m.sort_price, m.priority_no, m.created_at, m.book_tid,
    m.remaining_quantity, m.hold_amount, m.filled, m.filled * p_price, m.fee_exact + m.exact,
    m.fee_amount + m.fee,
    case when m.is_filled then p_first_seq - 1
      + count(*) filter (where m.is_filled) over (order by m.side, m.sort_price, m.priority_no) end,
    case when m.is_ended then p_first_seq - 1 + count(*) filter (where m.is_filled) over ()
      + count(*) filter (where m.is_ended) over (order by m.side, m.sort_price, m.priority_no) end
  from marked as m
  order by m.side, m.sort_price, m.priority_no
$$;
comment on function matching.session_orders is
  'the resting orders that a change of phase fills or ends, as they come out of it';
