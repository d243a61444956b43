-- Writes what an outcome did to the orders that wait: those that came to wait, with what fires
-- them, those that were amended, and those that wait no longer: they leave, and rest in the book
-- where something of them is left.
-- Writes: matching.parked_orders, matching.stop_orders_watchlist, matching.book. Under the lock of
-- the symbol.
create or replace function matching.record_parked(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_outcome matching.outcome,
  p_standing matching.final_order[]
) returns void
language plpgsql volatile
set enable_nestloop = on  -- few, and looked up by key
set enable_seqscan = off
as $$
begin
  insert into matching.book
  select
    k.segment_id, k.symbol_id, k.side, (f.final).sort_price, (f.final).priority_no, k.order_id,
    k.participant_id, k.created_at, (f.final).remaining, (f.final).hold, (f.final).fee_exact,
    (f.final).fee, k.display_quantity, (f.final).visible, k.list_id, (f.final).expire_at,
    (f.final).session_rule, k.hold_rate
  from matching.touched_orders(p_symbol.segment_id, p_standing) as f
  join matching.parked_orders as k
    on k.segment_id = f.segment_id
    and k.order_id = (f.final).order_id
  where (f.final).remaining > 0
    and (f.final).pending is null;

  -- One that waits anew, too: what it waits for is written below.
  delete from matching.stop_orders_watchlist as w
  using matching.touched_orders(p_symbol.segment_id, p_standing) as f
  where w.segment_id = f.segment_id
    and w.order_id = (f.final).order_id
    and ((f.final).remaining = 0 or (f.final).pending is null
      or (f.final).slot <= cardinality(p_outcome.asked));

  delete from matching.parked_orders as k
  using matching.touched_orders(p_symbol.segment_id, p_standing) as f
  where k.segment_id = f.segment_id
    and k.order_id = (f.final).order_id
    and ((f.final).remaining = 0 or (f.final).pending is null);

  update matching.parked_orders as k
  set sort_price = (f.final).sort_price,
    quantity = (f.final).remaining,
    hold_amount = (f.final).hold,
    pending_reason = (f.final).pending
  from matching.touched_orders(p_symbol.segment_id, p_standing) as f
  where k.segment_id = f.segment_id
    and k.order_id = (f.final).order_id;

  insert into matching.parked_orders
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.order_id, f.owner_id, f.created_at, c.side, c.type,
    c.time_in_force, f.sort_price, f.remaining, c.quote_quantity, f.hold, f.pending, z.seq,
    f.display, c.post_only, c.slide, c.stp, c.expire_at, f.list_id, f.hold_rate
  from matching.parked_slots(p_outcome) as f
  join (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = f.slot
  join (select u.seq, row_number() over () as n from unnest(p_outcome.closings) as u) as z
    on z.n = f.slot
  where c.op = 'PLACE';

  insert into matching.stop_orders_watchlist
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.order_id, c.side, c.type,
    coalesce(c.trigger_source, 'LAST'), a.is_up, a.stop_price, z.seq, f.owner_id, f.created_at,
    a.trailing_offset, a.trailing_bips, a.activation_price, a.activation_is_up, a.watermark_price,
    a.limit_offset
  from matching.parked_slots(p_outcome) as f
  join (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = f.slot
  join (select u.*, row_number() over () as n from unnest(p_outcome.asked) as u) as a
    on a.n = f.slot
  join (select u.seq, row_number() over () as n from unnest(p_outcome.closings) as u) as z
    on z.n = f.slot
  where f.pending = 'TRIGGER';
end;
$$;
comment on function matching.record_parked is
  'writes what an outcome did to the orders that wait';
