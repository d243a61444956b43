-- The resting orders of a symbol with these ids (each once), as slots. Reads only.
create or replace function matching.read_orders(
  p_symbol reference.symbols,
  p_order_ids bigint[]
) returns matching.slots
language plpgsql volatile
set enable_nestloop = on  -- whatever the caller has set
as $$
declare
  v_slots matching.slots;
begin
  select
    array_agg(r.order_id), array_agg(r.participant_id), array_agg(r.sort_price),
    array_agg(r.priority_no), array_agg(r.remaining_quantity), array_agg(r.hold_amount),
    array_agg(r.fee_exact), array_agg(r.fee_amount), array_agg(r.quantity), array_agg(r.created_at),
    array_agg(r.book_tid)
  into
    v_slots.order_id, v_slots.owner_id, v_slots.sort_price, v_slots.priority_no, v_slots.remaining,
    v_slots.hold, v_slots.fee_exact, v_slots.fee, v_slots.quantity, v_slots.created_at,
    v_slots.book_tid
  from (
    select b.*, b.ctid as book_tid, o.quantity
    from reference.ids(p_symbol.segment_id, p_order_ids) as i
    join matching.book as b
      on b.segment_id = i.segment_id
      and b.order_id = i.id
    join matching.orders as o
      on o.segment_id = b.segment_id
      and o.order_id = b.order_id
      and o.created_at = b.created_at
    where b.symbol_id = p_symbol.symbol_id
    order by b.order_id
  ) as r;
  return v_slots;
end;
$$;
comment on function matching.read_orders is 'resting orders by id, as slots of the matcher';
