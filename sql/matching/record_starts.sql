-- Writes the first events of commands that end with another: the amendment of an order that gave up
-- its place, the release of one that waited: TRIGGERED by a price, else RELEASED.
-- Writes: matching.events.
create or replace function matching.record_starts(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
begin
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    remaining, prior_price, prior_remaining, reason, prior_visible_quantity
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, e.from_seq, p_now,
    case when a.op = 'AMEND' then 'AMENDED'::matching.event_kind
      when b.pending = 'TRIGGER' then 'TRIGGERED' else 'RELEASED' end,
    e.order_id, e.owner_id,
    case when e.is_buy then 'BUY'::matching.order_side_enum else 'SELL' end,
    abs(e.sort_price), e.quantity, 0, abs(e.from_price), e.from_remaining,
    case when a.op = 'AMEND' then 'LOST' else b.pending::text end, e.from_visible
  from (
    select u.*, row_number() over () as n from unnest(p_outcome.closings) as u
  ) as e
  join (select u.op, u.is_buy, row_number() over () as n from unnest(p_outcome.asked) as u) as a
    on a.n = e.n
  left join (select u.order_id, u.pending from unnest((p_batch.found).slots) as u) as b
    on b.order_id = e.order_id
  where e.from_seq < e.seq;
end;
$$;
comment on function matching.record_starts is
  'writes the first events of commands that end with another';
