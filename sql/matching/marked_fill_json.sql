-- One fill of an order, as matching.fill_json shows it, with what became of it: whether it is
-- busted, and the trade whose place it took [BST-004]; each is left out where it is not so.
create or replace function matching.marked_fill_json(
  p_trade_id bigint,
  p_price numeric,
  p_quantity numeric,
  p_fee numeric,
  p_is_taker boolean,
  p_is_busted boolean,
  p_corrects bigint
) returns json
language sql stable parallel safe
as $$
  select case
    when not p_is_busted and p_corrects is null
      then matching.fill_json(p_trade_id, p_price, p_quantity, p_fee, p_is_taker)
    else json_strip_nulls(json_build_object(
      'trade_id', p_trade_id::text,
      'price', trim_scale(p_price)::text,
      'quantity', trim_scale(p_quantity)::text,
      'fee', trim_scale(p_fee)::text,
      'liquidity', case when p_is_taker then 'TAKER' else 'MAKER' end,
      'busted', case when p_is_busted then true end,
      'corrects', p_corrects::text
    )) end
$$;
comment on function matching.marked_fill_json is
  'one fill of an order, and whether it is busted or took a place';
