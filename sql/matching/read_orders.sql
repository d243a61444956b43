-- The resting and the parked orders of a symbol with these ids (each once), as slots. Reads only.
create or replace function matching.read_orders(
  p_symbol reference.symbols,
  p_order_ids bigint[]
) returns matching.chunk
language plpgsql volatile
set enable_nestloop = on  -- whatever the caller has set
as $$
declare
  v_chunk matching.chunk;
begin
  select
    coalesce(array_agg(r.sort_price), '{}'), coalesce(array_agg(r.priority_no), '{}'),
    coalesce(array_agg(r.remaining), '{}'), coalesce(array_agg(r.slot), '{}')
  into v_chunk
  from (
    select
      b.order_id, b.sort_price, b.priority_no, b.remaining_quantity as remaining,
      row(b.order_id, b.participant_id, null, o.quantity, b.hold_amount, b.hold_amount, b.fee_exact,
        b.fee_amount, 0, 0, b.display_quantity, b.visible_quantity, b.list_id, null, b.created_at,
        b.ctid, null, null, null, o.type, o.stp, o.post_only, o.slide,
        b.expire_at, b.session_rule, matching.held_charge(b.hold_rate))::matching.slot as slot
    from reference.ids(p_symbol.segment_id, p_order_ids) as i
    join matching.book as b
      on b.segment_id = i.segment_id
      and b.order_id = i.id
    join matching.orders as o
      on o.segment_id = b.segment_id
      and o.order_id = b.order_id
      and o.created_at = b.created_at
    where b.symbol_id = p_symbol.symbol_id
    union all
    select
      k.order_id, k.sort_price, k.entry_seq, k.quantity,
      row(k.order_id, k.participant_id, null, k.quantity, k.hold_amount, k.hold_amount, 0, 0, 0, 0,
        k.display_quantity, null, k.list_id, k.pending_reason, k.created_at, null, null, null, null,
        k.type, k.stp, k.post_only, k.slide, k.expire_at,
        case when k.time_in_force in ('DAY', 'OPG', 'CLS', 'GFA', 'GTX') then k.time_in_force end,
        matching.held_charge(k.hold_rate))::matching.slot
    from reference.ids(p_symbol.segment_id, p_order_ids) as i
    join matching.parked_orders as k
      on k.segment_id = i.segment_id
      and k.order_id = i.id
    where k.symbol_id = p_symbol.symbol_id
    order by 1
  ) as r;
  return v_chunk;
end;
$$;
comment on function matching.read_orders is
  'resting and parked orders by id, as slots of the matcher';
