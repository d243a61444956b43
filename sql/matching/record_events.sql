-- Writes the events of an outcome, dense by symbol: the trades, for each command that changed
-- something its closing event, and before it what it did to an order that stood.
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
    remaining, prior_price, prior_remaining, reason, visible_quantity, prior_visible_quantity
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, e.seq, p_now, e.kind, e.order_id, e.owner_id,
    case when e.is_buy then 'BUY'::matching.order_side_enum else 'SELL' end,
    case when e.kind not in ('PARKED', 'REJECTED') or not e.is_market then abs(e.sort_price) end,
    e.quantity, e.remaining, case when e.from_seq = e.seq then abs(e.from_price) end,
    case when e.from_seq = e.seq then e.from_remaining end,
    case
      when e.kind = 'AMENDED' and e.from_price is null then 'PARKED'
      when e.kind = 'AMENDED' then 'KEPT'
      when e.kind = 'PARKED' then e.pending::text
      when e.kind not in ('OPENED', 'FILLED') then coalesce(e.refusal::text, e.reason::text)
    end,
    e.visible, case when e.from_seq = e.seq then e.from_visible end
  from unnest(p_outcome.closings) as e
  where e.kind is not null;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, maker_remaining, maker_visible_quantity, maker_prior_visible_quantity
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.seq, p_now, 'TRADE', f.taker_order_id, f.taker_id,
    case when f.bought then 'BUY'::matching.order_side_enum else 'SELL' end, f.price, f.quantity,
    f.maker_order_id, f.maker_id, f.maker_remaining, f.maker_visible, f.maker_prior_visible
  from unnest(p_outcome.fills) as f;

  if exists (select from unnest(p_outcome.closings) as u where u.from_seq < u.seq) then
    perform matching.record_starts(p_symbol, p_now, p_batch, p_outcome);
  end if;
end;
$$;
comment on function matching.record_events is 'writes the events of an outcome';
