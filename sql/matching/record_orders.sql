-- Writes the new orders of an outcome into orders, and what came to rest into the book. Returns the
-- others that it touched, those that stood before, for matching.update_standing: a setting of this
-- function would hold for what it calls, too.
-- Writes: matching.orders, matching.book. Under the lock of the symbol.
create or replace function matching.record_orders(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_outcome matching.outcome
) returns matching.final_order[] -- those that stood before
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_ids bigint[] := array(select coalesce(i.id, 0) from unnest(p_batch.order_ids) as i (id));
  v_seqs bigint[] := array(select coalesce(c.seq, 0) from unnest(p_outcome.closings) as c);
  v_first_id bigint := (select min(i.id) from unnest(p_batch.order_ids) as i (id));
  v_standing matching.final_order[];
begin
  -- A new order's command is the one of its slot, but for one that was amended since.
  with final as materialized (
    select
      f.*,
      case when f.order_id < v_first_id then null when v_ids[f.slot] = f.order_id then f.slot
        else array_position(v_ids, f.order_id) end as n
    from matching.final_orders(p_outcome) as f
  ), placed as (
    insert into matching.orders
    select
      p_symbol.segment_id, f.order_id, f.created_at, p_symbol.symbol_id, f.owner_id, c.side, c.type,
      c.time_in_force,
      matching.status_of(f.remaining, f.filled, f.end_reason, f.refusal, f.pending),
      case when f.remaining > 0 then f.pending end, f.end_reason, f.refusal,
      case when f.pending is null or c.price is not null then abs(f.sort_price) end, f.quantity,
      f.filled, f.remaining, f.quantity - f.filled - f.prevented - f.remaining, f.paid, f.fee,
      v_seqs[f.n], f.last_seq, p_now, c.client_order_id, c.idempotency_key, c.quote_quantity,
      c.stop_price, c.trigger_source, c.trailing_offset, c.trailing_bips, c.activation_price,
      c.limit_offset, c.post_only, c.slide, f.display, c.expire_at,
      coalesce(c.stp, p_symbol.default_stp), f.list_id, f.prevented
    from final as f
    join matching.command_rows(p_commands, p_batch, null) as c
      on c.n = f.n
  ), rested as (
    insert into matching.book
    select
      p_symbol.segment_id, p_symbol.symbol_id,
      case when f.sort_price < 0 then 'BUY'::matching.order_side_enum else 'SELL' end, f.sort_price,
      f.priority_no, f.order_id, f.owner_id, f.created_at, f.remaining, f.hold, f.fee_exact, f.fee,
      f.display, f.visible, f.list_id, f.expire_at, f.session_rule
    from final as f
    where f.n is not null
      and f.remaining > 0
      and f.pending is null
  )
  select array_agg(row(
    f.slot, f.order_id, f.owner_id, f.sort_price, f.priority_no, f.remaining, f.quantity, f.hold,
    f.hold_before, f.fee_exact, f.fee, f.filled, f.paid, f.prevented, f.display, f.visible,
    f.list_id, f.pending, f.created_at, f.book_tid, f.last_seq, f.end_reason, f.refusal,
    f.expire_at, f.session_rule
  )::matching.final_order)
  into v_standing
  from final as f
  where f.n is null;

  return v_standing;
end;
$$;
comment on function matching.record_orders is
  'writes the orders of an outcome, and what of them rests';
