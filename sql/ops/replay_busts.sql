-- Tells the busts of a symbol again, in a place of ops.open_replay, up to an event: those that are
-- next by their numbers. What takes a trade's place is worked out again, and the trade is busted
-- there as well. Takes the symbol and its place.
-- Writes: matching.trade_busts, and see matching.record_bust.
create or replace function ops.replay_busts(
  p_symbol reference.symbols,
  p_place reference.symbols,
  p_to_seq bigint
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_bust matching.trade_busts;
  v_trade matching.trades;
  v_replacement matching.trades;
begin
  for v_bust in
    select b.*
    from matching.trade_busts as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.status = 'DONE'
      and b.seq <= p_to_seq
      and b.seq > (
        select s.last_seq
        from matching.symbol_state as s
        where s.segment_id = p_place.segment_id
          and s.symbol_id = p_place.symbol_id
      )
    order by b.seq
  loop
    select t.* into v_trade
    from matching.trades as t
    where t.segment_id = p_place.segment_id
      and t.trade_id = p_place.symbol_id * c_ids_per_symbol + v_bust.trade_id % c_ids_per_symbol;
    continue when not found;

    v_replacement := null;
    if v_bust.new_price is not null then
      v_replacement := v_trade;
      select r.price, r.taker_fee, r.maker_fee
      into strict v_replacement.price, v_replacement.taker_fee, v_replacement.maker_fee
      from matching.replacement_of(
        p_symbol, matching.find_trade(p_symbol.segment_id, v_bust.trade_id), v_bust.new_price
      ) as r;
    end if;
    v_replacement :=
      matching.record_bust(v_trade, v_replacement, v_bust.reason, v_bust.decided_at);
    v_bust.segment_id := p_place.segment_id;
    v_bust.symbol_id := p_place.symbol_id;
    v_bust.trade_id := v_trade.trade_id;
    v_bust.replacement_id := v_replacement.trade_id;
    insert into matching.trade_busts select v_bust.*;
  end loop;
end;
$$;
comment on function ops.replay_busts is 'tells the busts of a symbol again, up to an event';
