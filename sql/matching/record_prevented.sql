-- Writes the prevented matches of an outcome, and their events. Writes: matching.prevented_matches,
-- matching.events.
create or replace function matching.record_prevented(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
begin
  insert into matching.prevented_matches
  select
    p_symbol.segment_id, p_symbol.symbol_id * c_ids_per_symbol + m.seq, p_now, p_symbol.symbol_id,
    m.seq, m.stp, m.price, m.taker_order_id, m.maker_order_id, m.taker_id, m.maker_id,
    m.taker_quantity, m.maker_quantity
  from unnest(p_outcome.prevented) as m;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, maker_remaining, maker_visible_quantity, maker_prior_visible_quantity,
    reason
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, m.seq, p_now, 'PREVENTED', m.taker_order_id,
    m.taker_id, case when m.bought then 'BUY'::matching.order_side_enum else 'SELL' end, m.price,
    m.taker_quantity, m.maker_order_id, m.maker_id, m.maker_remaining, m.maker_visible,
    m.maker_prior_visible, m.stp::text
  from unnest(p_outcome.prevented) as m;
end;
$$;
comment on function matching.record_prevented is 'writes the prevented matches of an outcome';
