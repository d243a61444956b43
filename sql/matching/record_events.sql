-- Writes the events of an outcome: for each command that changed something its closing event, before
-- it the amendment when an amended order gave up its place, and the trades; dense by symbol.
-- Writes: matching.events.
create or replace function matching.record_events(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
set enable_nestloop = off
as $$
begin
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    remaining, prior_price, prior_remaining, reason
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, v.seq, p_now, v.kind, e.order_id, e.owner_id,
    case when coalesce(e.is_buy, e.sort_price < 0) then 'BUY' else 'SELL' end
      ::matching.order_side_enum,
    abs(e.sort_price), e.quantity, v.remaining, abs(v.prior_price), v.prior_remaining, v.reason
  from unnest(
    p_outcome.kinds, p_outcome.seqs, p_outcome.order_ids, p_outcome.sort_prices,
    p_outcome.quantities, p_outcome.lefts, p_outcome.from_prices, p_outcome.from_lefts,
    p_outcome.from_seqs, p_outcome.refusals, p_batch.is_buy, p_outcome.owner_ids,
    p_outcome.reasons
  ) as e (
    kind, seq, order_id, sort_price, quantity, remaining, from_price, from_left, from_seq, refusal,
    is_buy, owner_id, reason
  )
  cross join lateral (
    values
      (e.seq, e.kind, e.remaining, case when e.from_seq = e.seq then e.from_price end,
        case when e.from_seq = e.seq then e.from_left end,
        coalesce(e.refusal::text, e.reason::text,
          case when e.kind = 'AMENDED' then 'KEPT' end)),
      (case when e.from_seq < e.seq then e.from_seq end, 'AMENDED', 0, e.from_price, e.from_left,
        'LOST')
  ) as v (seq, kind, remaining, prior_price, prior_remaining, reason)
  where e.kind is not null
    and v.seq is not null;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, maker_remaining
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.seq, p_now, 'TRADE', f.taker_order_id, f.taker_id,
    f.taker_side, f.price, f.quantity, f.maker_order_id, f.maker_id, f.maker_left
  from matching.fills(p_outcome) as f;
end;
$$;
comment on function matching.record_events is 'writes the events of an outcome';
