-- What the lists ask for whose orders a part of a batch touched [MAT-053]: when one of two that
-- exclude each other has traded or ended, or has fired and rests, the other ends; when it was
-- amended, the other gets its quantity; when something of it was prevented, the other holds the
-- money that it does not hold any more; when an entry has traded in full (or at all, where the list
-- is partial), its exits come to life with the quantity that it traded; when it has ended before,
-- they end. Who is to end comes first: it must not come to life.
-- Reads only. Under the lock of the symbol.
create or replace function matching.list_commands(
  p_symbol reference.symbols,
  p_outcome matching.outcome
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_commands matching.command[] := '{}';
  v_touched record;
begin
  for v_touched in
    select
      l.*, f.order_id, f.created_at, t.quantity, f.hold, f.pending, f.last_seq,
      f.hold < f.hold_before as holds_less, f.order_id = l.entry_order_id as is_entry,
      f.filled > 0 or f.remaining = 0 or f.order_id is distinct from l.entry_order_id
        and f.pending is null and t.type not in ('LIMIT', 'MARKET') as is_done
    from matching.final_orders(p_outcome) as f
    join matching.order_lists as l
      on l.segment_id = p_symbol.segment_id
      and l.list_id = f.list_id
    join matching.orders as t
      on t.segment_id = l.segment_id
      and t.order_id = f.order_id
      and t.created_at = f.created_at
    where f.end_reason is null
      or f.end_reason not in ('OCO_TRIGGER', 'OTO_PHASE_ONE_EXPIRED')
    order by coalesce(f.order_id = l.entry_order_id, false), f.last_seq
  loop
    if v_touched.is_entry and v_touched.is_done then
      v_commands := v_commands || matching.exit_commands(
        p_symbol, v_touched.list_id, v_touched.order_id, v_touched.created_at,
        v_touched.is_partial
      );
    elsif v_touched.is_done then
      v_commands := v_commands || array(
        select matching.cancel_command(o.order_id, 'OCO_TRIGGER')
        from matching.list_orders(p_symbol.segment_id, v_touched.list_id) as o
        where o.order_id is distinct from v_touched.entry_order_id
          and o.order_id <> v_touched.order_id
        order by o.order_id
      );
    elsif v_touched.is_entry is not true and v_touched.pending is distinct from 'PARENT' then
      v_commands := v_commands || array(
        select matching.grow_command(o.order_id, v_touched.quantity)
        from matching.list_orders(p_symbol.segment_id, v_touched.list_id) as o
        join matching.orders as r
          on r.segment_id = v_touched.segment_id
          and r.order_id = o.order_id
          and r.created_at = o.created_at
        where o.order_id is distinct from v_touched.entry_order_id
          and o.order_id <> v_touched.order_id
          and o.pending_reason is distinct from 'PARENT'
          and (r.quantity <> v_touched.quantity
            or o.pending_reason is not null and v_touched.holds_less
            or o.pending_reason is not null and o.hold_amount > 0
              and r.last_seq < v_touched.last_seq
              and (v_touched.hold = 0 or v_touched.pending is null))
        order by o.order_id
      );
    end if;
  end loop;
  return v_commands;
end;
$$;
comment on function matching.list_commands is
  'what the lists ask for that a part of a batch touched';
