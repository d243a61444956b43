-- What each side of each trade was charged: at which rate, by which row of v_fee_schedules (null:
-- the symbol's own), exactly and as rounded over the fills of its order.
create or replace view ops.v_trade_fees as
select
  t.segment_id,
  t.trade_id,
  t.traded_at,
  s.symbol,
  p.client_id,
  l.liquidity,
  l.order_id,
  trim_scale(t.price * t.quantity) as notional,
  trim_scale(l.rate) as rate,
  l.fee_id,
  trim_scale(t.price * t.quantity * l.rate) as exact_fee,
  trim_scale(l.fee) as fee
from matching.trades as t
join reference.symbols as s
  on s.symbol_id = t.symbol_id
cross join lateral (
  values
    ('MAKER', t.maker_order_id, t.maker_id, coalesce(t.maker_rate, s.maker_rate::numeric),
      t.maker_fee_id, t.maker_fee::numeric),
    ('TAKER', t.taker_order_id, t.taker_id, coalesce(t.taker_rate, s.taker_rate::numeric),
      t.taker_fee_id, t.taker_fee::numeric)
) as l (liquidity, order_id, participant_id, rate, fee_id, fee)
join reference.participants as p
  on p.participant_id = l.participant_id;
comment on view ops.v_trade_fees is 'what each side of each trade was charged, and by which rate';
