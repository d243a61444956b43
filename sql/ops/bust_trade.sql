-- Asks for a trade to be busted; it is once another operator approves that. The reason is told to
-- everybody who follows the symbol. See matching.request_bust. Returns the id of the bust.
--   select bust_trade(10000000000002, 'entered by mistake', 'ann');
-- Raises: IVOPR, IVRSN, NFTRD, STBST.
create or replace function ops.bust_trade(
  p_trade_id bigint,
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
  return matching.request_bust(p_segment_id, p_trade_id, null, p_reason, p_by, p_now);
end;
$$;
comment on function ops.bust_trade is
  'bust_trade(trade, reason, by): asks for a trade to be undone; another operator approves';
revoke execute on function ops.bust_trade from public;
grant execute on function ops.bust_trade to pgsettle_operator;
