-- A trade by its id. Reads only. Raises: NFTRD when there is none.
create or replace function matching.find_trade(
  p_segment_id int,
  p_trade_id bigint
) returns matching.trades
language plpgsql stable
as $$
declare
  v_trade matching.trades;
begin
  select t.* into v_trade
  from matching.trades as t
  where t.segment_id = p_segment_id
    and t.trade_id = p_trade_id;
  if not found then
    raise exception 'there is no trade %', p_trade_id
      using errcode = 'NFTRD', hint = 'UNKNOWN_TRADE';
  end if;
  return v_trade;
end;
$$;
comment on function matching.find_trade is 'a trade by its id';
