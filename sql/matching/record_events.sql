-- Writes the events of an outcome, dense by symbol: the trades, for each command that changed
-- something its closing event, and the amendment of an order that gave up its place.
-- Writes: matching.events.
create or replace function matching.record_events(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
begin
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    remaining, prior_price, prior_remaining, reason
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, e.seq, p_now, e.kind, e.order_id, e.owner_id,
    case when coalesce(e.is_buy, e.sort_price < 0) then 'BUY'::matching.order_side_enum
      else 'SELL' end,
    abs(e.sort_price), e.quantity, e.remaining,
    case when e.from_seq = e.seq then abs(e.from_price) end,
    case when e.from_seq = e.seq then e.from_left end,
    case when e.kind = 'AMENDED' then 'KEPT' when e.kind not in ('OPENED', 'FILLED')
      then coalesce(e.refusal::text, e.reason::text) end
  from unnest(
    p_outcome.kinds, p_outcome.seqs, p_outcome.order_ids, p_outcome.owner_ids,
    p_outcome.sort_prices, p_outcome.quantities, p_outcome.lefts, p_outcome.from_prices,
    p_outcome.from_lefts, p_outcome.from_seqs, p_outcome.reasons, p_outcome.refusals,
    p_batch.is_buy
  ) as e (
    kind, seq, order_id, owner_id, sort_price, quantity, remaining, from_price, from_left,
    from_seq, reason, refusal, is_buy
  )
  where e.kind is not null;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, maker_remaining
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.seq, p_now, 'TRADE', f.taker_order_id, f.taker_id,
    f.taker_side, f.price, f.quantity, f.maker_order_id, f.maker_id, f.maker_left
  from matching.fills(p_outcome) as f;

  if array_remove(p_outcome.from_seqs, null) <> '{}' then
    insert into matching.events (
      segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
      remaining, prior_price, prior_remaining, reason
    )
    select
      p_symbol.segment_id, p_symbol.symbol_id, e.from_seq, p_now, 'AMENDED', e.order_id, e.owner_id,
      case when e.sort_price < 0 then 'BUY'::matching.order_side_enum else 'SELL' end,
      abs(e.sort_price), e.quantity, 0, abs(e.from_price), e.from_left, 'LOST'
    from unnest(
      p_outcome.seqs, p_outcome.order_ids, p_outcome.owner_ids, p_outcome.sort_prices,
      p_outcome.quantities, p_outcome.from_prices, p_outcome.from_lefts, p_outcome.from_seqs
    ) as e (seq, order_id, owner_id, sort_price, quantity, from_price, from_left, from_seq)
    where e.from_seq < e.seq;
  end if;
end;
$$;
comment on function matching.record_events is 'writes the events of an outcome';
