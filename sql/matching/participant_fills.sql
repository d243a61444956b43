-- The fills of a participant, of one symbol or (null) of all: what it bought (positive) or sold,
-- and how much of that symbol it had bought, or sold, before. Found by its orders; without those
-- that are busted [BST-004]. Reads only.
-- Not inlined, and said to be many: estimated as one, 15,000 fills were joined in a loop, which
-- took 30 s instead of 0.2 (PostgreSQL 18).
create or replace function matching.participant_fills(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int
) returns table (
  symbol_id int,
  trade_id bigint,
  traded_at timestamptz,
  is_buy boolean,
  quantity numeric,
  price numeric,
  fee numeric,
  before numeric
)
language plpgsql stable
rows 10000
as $$
begin
  return query
  select
    f.symbol_id, f.trade_id, f.traded_at, f.is_buy, f.quantity, f.price, f.fee,
    sum(f.quantity) over (
      partition by f.symbol_id, f.is_buy
      order by f.traded_at, f.trade_id
    ) - f.quantity
  from (
    select o.symbol_id, t.trade_id, t.traded_at, o.side = 'BUY' as is_buy,
      t.quantity::numeric as quantity, t.price::numeric as price, t.fee::numeric as fee
    from matching.orders as o
    cross join lateral (
      select k.trade_id, k.traded_at, k.quantity, k.price, k.taker_fee as fee
      from matching.standing_trades as k
      where k.segment_id = p_segment_id
        and k.taker_order_id = o.order_id
      union all
      select m.trade_id, m.traded_at, m.quantity, m.price, m.maker_fee
      from matching.standing_trades as m
      where m.segment_id = p_segment_id
        and m.maker_order_id = o.order_id
    ) as t
    where o.segment_id = p_segment_id
      and o.participant_id = p_participant_id
      and o.symbol_id = coalesce(p_symbol_id, o.symbol_id)
      and o.filled_quantity > 0
  ) as f;
end;
$$;
comment on function matching.participant_fills is
  'what a participant bought and sold, and how much before';
