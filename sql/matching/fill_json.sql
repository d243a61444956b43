-- One fill of an order as the outside sees it: price in quote per base, quantity in base, fee in
-- quote, all as decimal strings.
create or replace function matching.fill_json(
  p_trade_id bigint,
  p_price numeric,
  p_quantity numeric,
  p_fee numeric,
  p_is_taker boolean
) returns json
language sql stable parallel safe  -- as json_build_object is: else it is not inlined
as $$
  select json_build_object(
    'trade_id', p_trade_id::text,
    'price', trim_scale(p_price)::text,
    'quantity', trim_scale(p_quantity)::text,
    'fee', trim_scale(p_fee)::text,
    'liquidity', case when p_is_taker then 'TAKER' else 'MAKER' end
  )
$$;
comment on function matching.fill_json is 'one fill of an order as the outside sees it';
