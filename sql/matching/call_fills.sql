-- The trades of an uncrossing at a price: both sides by price, then time, each up to the volume,
-- and laid against each other [MAT-072]. So what is better than the price trades in full, and what
-- is at it by time. Of each pair the order that came later is the taker. Fees are rounded up over
-- all fills of an order [LED-044], each at the rates of its owner [LED-040].
-- Each side is cut into pieces where a queue of the other has an end: piece k is what lies between
-- the ends k - 1 and k, and the order that fills it the first whose own end is not before that.
-- Reads only.
create or replace function matching.call_fills(
  p_symbol reference.symbols,
  p_price numeric,
  p_volume numeric,
  p_in_close boolean,
  p_at timestamptz
) returns setof matching.call_fill
language sql volatile
set enable_nestloop = off  -- the queues are planned as if they were short: always hash them
as $$
  with queues as (
    select
      o.*, sum(o.remaining) over (partition by o.side order by o.sort_price, o.priority_no) as upto
    from matching.call_orders(p_symbol, p_price, p_price, p_in_close, p_at) as o
  ), cut as materialized (
    select q.*, least(q.upto, p_volume) as cut_at
    from queues as q
    where q.upto - q.remaining < p_volume
  ), charges as materialized (
    select c.*
    from matching.charges_of(p_symbol, p_at, array(select o.participant_id from cut as o)) as c
  ), pieces as (
    select
      row_number() over (order by e.cut_at) as n,
      e.cut_at - coalesce(lag(e.cut_at) over (order by e.cut_at), 0) as quantity,
      min(e.buy_at) over (order by e.cut_at desc) as buy_at,
      min(e.sell_at) over (order by e.cut_at desc) as sell_at
    from (
      select
        c.cut_at, min(c.cut_at) filter (where c.side = 'BUY') as buy_at,
        min(c.cut_at) filter (where c.side = 'SELL') as sell_at
      from cut as c
      group by c.cut_at
    ) as e
  ), pairs as (
    select
      p.n, p.quantity, b.order_id as buy_id, s.order_id as sell_id, b.participant_id as buyer_id,
      s.participant_id as seller_id, b.priority_no > s.priority_no as is_buyer_taker,
      b.remaining - sum(p.quantity) over (partition by b.order_id order by p.n) as buy_left,
      s.remaining - sum(p.quantity) over (partition by s.order_id order by p.n) as sell_left,
      b.fee as buy_fee, b.fee_exact as buy_exact, s.fee as sell_fee, s.fee_exact as sell_exact,
      matching.capped_charge(p_symbol, bc.charge, true, b.hold_rate) as buy_charge,
      sc.charge as sell_charge
    from pieces as p
    join cut as b
      on b.side = 'BUY'
      and b.cut_at = p.buy_at
    join cut as s
      on s.side = 'SELL'
      and s.cut_at = p.sell_at
    left join charges as bc
      on bc.participant_id = b.participant_id
    left join charges as sc
      on sc.participant_id = s.participant_id
  ), due as (
    select p.*, ledger.round_up(
        p.buy_exact + sum(p_price * p.quantity * case when p.is_buyer_taker
          then coalesce((p.buy_charge).taker_rate, p_symbol.taker_rate)
          else coalesce((p.buy_charge).maker_rate, p_symbol.maker_rate) end) over (
          partition by p.buy_id order by p.n
        ), reference.units_in_one(p_symbol.quote_decimals),
        reference.asset_unit(p_symbol.quote_decimals)
      ) as buy_due, ledger.round_up(
        p.sell_exact + sum(p_price * p.quantity * case when p.is_buyer_taker
          then coalesce((p.sell_charge).maker_rate, p_symbol.maker_rate)
          else coalesce((p.sell_charge).taker_rate, p_symbol.taker_rate) end) over (
          partition by p.sell_id order by p.n
        ), reference.units_in_one(p_symbol.quote_decimals),
        reference.asset_unit(p_symbol.quote_decimals)
      ) as sell_due
    from pairs as p
  )
  select
    d.n, d.quantity, d.buy_id, d.sell_id, d.buyer_id, d.seller_id, d.is_buyer_taker,
    d.buy_due - coalesce(lag(d.buy_due) over (partition by d.buy_id order by d.n), d.buy_fee),
    d.sell_due - coalesce(lag(d.sell_due) over (partition by d.sell_id order by d.n), d.sell_fee),
    case when d.is_buyer_taker then d.sell_left else d.buy_left end, d.buy_charge, d.sell_charge
  from due as d
  order by d.n
$$;
comment on function matching.call_fills is 'the trades of an uncrossing at a price';
