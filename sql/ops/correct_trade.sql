-- Asks for a trade to be corrected: busted, and in the same transaction replaced by one at another
-- price; it is once another operator approves that. See matching.request_bust. Returns the id of
-- the bust.
--   select correct_trade(10000000000002, 59990, 'price of another day', 'ann');
-- Raises: IVOPR, IVRSN, IVPRC, NFTRD, RJTCK, STBST.
create or replace function ops.correct_trade(
  p_trade_id bigint,
  p_price numeric,
  p_reason text,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- bust id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return matching.request_bust(
    p_segment_id, p_trade_id, coalesce(p_price, 'NaN'), p_reason, p_by, p_now
  );
end;
$$;
comment on function ops.correct_trade is
  'correct_trade(trade, price, reason, by): asks for another price; another operator approves';
revoke execute on function ops.correct_trade from public;
grant execute on function ops.correct_trade to pgsettle_operator;
