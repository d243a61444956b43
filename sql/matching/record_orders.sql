-- Writes the new orders of an outcome into orders, and what of them rests into the book. Returns
-- the others that it touched, those that were resting before, for matching.update_resting: a
-- setting of this function would hold for what it calls, too.
-- Takes the last order id given out before this batch: what is above it is new.
-- Writes: matching.orders, matching.book. Under the lock of the symbol.
create or replace function matching.record_orders(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_last_order_id bigint,
  p_commands matching.command[],
  p_batch matching.batch,
  p_outcome matching.outcome
) returns matching.final_order[] -- those that were resting before
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_resting matching.final_order[];
begin
  with final as materialized (
    select f.* from matching.final_orders(p_outcome) as f
  ), placed as (
    insert into matching.orders
    select
      p_symbol.segment_id, f.order_id, f.created_at, p_symbol.symbol_id, f.owner_id, c.side, c.type,
      c.time_in_force, matching.status_of(f.remaining, f.filled, f.end_reason, o.refusal), null,
      f.end_reason, o.refusal, abs(f.sort_price), f.quantity, f.filled, f.remaining,
      f.quantity - f.filled - f.remaining, f.notional, f.fee, o.seq, f.last_seq, p_now,
      c.client_order_id, c.idempotency_key
    from unnest(p_batch.order_ids, p_outcome.refusals, p_outcome.seqs) with ordinality
      as o (order_id, refusal, seq, n)
    join final as f
      on f.order_id = o.order_id
    join unnest(p_commands) with ordinality as c (
      op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
      order_id, n
    )
      on c.n = o.n
  ), rested as (
    insert into matching.book
    select
      p_symbol.segment_id, p_symbol.symbol_id,
      case when f.sort_price < 0 then 'BUY'::matching.order_side_enum else 'SELL' end, f.sort_price,
      f.priority_no, f.order_id, f.owner_id, f.created_at, f.remaining, f.hold, f.fee_exact, f.fee
    from final as f
    where f.order_id > p_last_order_id
      and f.remaining > 0
  )
  select array_agg(f::matching.final_order) into v_resting
  from final as f
  where f.order_id <= p_last_order_id;

  return v_resting;
end;
$$;
comment on function matching.record_orders is
  'writes the orders of an outcome, and what of them rests';
