-- Asks for a trade to be busted, or corrected to another price (quote per base); another operator
-- approves it [BST-001]. Nothing is changed until then. Returns the id of the bust.
-- Writes: matching.trade_busts. Raises: IVOPR, IVRSN (no reason), NFTRD, STBST (it is busted, or
-- somebody asked already), RJTCK (the price is no positive multiple of the tick), IVPRC (it is the
-- price that it has).
create or replace function matching.request_bust(
  p_segment_id int,
  p_trade_id bigint,
  p_new_price numeric,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns bigint -- bust id
language plpgsql volatile
as $$
declare
  v_trade matching.trades := matching.find_trade(p_segment_id, p_trade_id);
  v_tick numeric;
  v_bust_id bigint;
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  if p_new_price is not null then
    select s.tick_size into strict v_tick
    from reference.symbols as s
    where s.symbol_id = v_trade.symbol_id;
    if (p_new_price > 0 and p_new_price < 'Infinity' and p_new_price % v_tick = 0) is not true then
      raise exception 'price % is not a positive multiple of %', p_new_price, v_tick
        using errcode = 'RJTCK', hint = 'PRICE_TICK', column = 'price';
    elsif p_new_price = v_trade.price then
      raise exception 'trade % has that price', p_trade_id
        using errcode = 'IVPRC', hint = 'INVALID_PRICE', column = 'price';
    end if;
  end if;

  insert into matching.trade_busts (
    segment_id, bust_id, trade_id, symbol_id, new_price, reason, requested_by, created_at
  )
  values (
    p_segment_id, nextval('matching.bust_ids'), p_trade_id, v_trade.symbol_id, p_new_price,
    p_reason, p_by, p_now
  )
  on conflict (segment_id, trade_id) where status <> 'REJECTED' do nothing
  returning bust_id into v_bust_id;

  if not found then
    raise exception 'trade % is busted, or somebody asked for it', p_trade_id
      using errcode = 'STBST', hint = 'ALREADY_BUSTED';
  end if;
  return v_bust_id;
end;
$$;
comment on function matching.request_bust is 'asks for a trade to be busted or corrected';
