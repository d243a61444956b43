-- The fills of an outcome as rows: who bought from whom, at the maker's price, with both fees.
-- Reads nothing.
create or replace function matching.fills(
  p_outcome matching.outcome
) returns table (
  seq bigint,
  price numeric,
  quantity numeric,
  taker_order_id bigint,
  maker_order_id bigint,
  taker_id int,
  maker_id int,
  taker_fee numeric,
  maker_fee numeric,
  maker_left numeric,
  taker_side matching.order_side_enum,
  buyer_id int,
  seller_id int,
  buyer_fee numeric,
  seller_fee numeric
)
language sql immutable
rows 1000
as $$
  select
    f.seq, f.price, f.quantity, f.taker_order_id, f.maker_order_id, f.taker_id, f.maker_id,
    f.taker_fee, f.maker_fee, f.maker_left,
    case when f.bought then 'BUY'::matching.order_side_enum else 'SELL' end,
    case when f.bought then f.taker_id else f.maker_id end,
    case when f.bought then f.maker_id else f.taker_id end,
    case when f.bought then f.taker_fee else f.maker_fee end,
    case when f.bought then f.maker_fee else f.taker_fee end
  from unnest(
    p_outcome.fill_seqs, p_outcome.fill_prices, p_outcome.fill_quantities, p_outcome.fill_takers,
    p_outcome.fill_makers, p_outcome.fill_taker_ids, p_outcome.fill_maker_ids,
    p_outcome.fill_bought, p_outcome.fill_taker_fees, p_outcome.fill_maker_fees,
    p_outcome.fill_maker_lefts
  ) as f (
    seq, price, quantity, taker_order_id, maker_order_id, taker_id, maker_id, bought, taker_fee,
    maker_fee, maker_left
  )
$$;
comment on function matching.fills is 'the fills of an outcome as rows';
