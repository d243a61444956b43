-- A trade as clearing takes it: by buyer and seller. Reads nothing.
create or replace function matching.captured(
  p_trade matching.trades
) returns clearing.captured_trade
language sql immutable
as $$
  select row(
    t.trade_id, case when t.bought then t.taker_id else t.maker_id end,
    case when t.bought then t.maker_id else t.taker_id end, t.quantity, t.price * t.quantity,
    case when t.bought then t.taker_fee else t.maker_fee end,
    case when t.bought then t.maker_fee else t.taker_fee end
  )::clearing.captured_trade
  from (select (p_trade).*, (p_trade).taker_side = 'BUY' as bought) as t
$$;
comment on function matching.captured is 'a trade as clearing takes it';
