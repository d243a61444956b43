-- What the exits of an entry that traded or ended are to do: come to life with what it traded,
-- those that rest first, so that the money for both is held once; take over what it traded since,
-- where they live already; or end. [MAT-053]. Reads only.
create or replace function matching.exit_commands(
  p_symbol reference.symbols,
  p_list_id bigint,
  p_entry_id bigint,
  p_entry_at timestamptz,
  p_is_partial boolean
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_entry matching.orders;
begin
  select o.* into strict v_entry
  from matching.orders as o
  where o.segment_id = p_symbol.segment_id
    and o.order_id = p_entry_id
    and o.created_at = p_entry_at;

  if v_entry.status = 'FILLED' or p_is_partial and v_entry.filled_quantity > 0 then
    return array(
      select case
        when x.pending_reason = 'PARENT' then matching.exit_command(o, v_entry.filled_quantity)
        else matching.grow_command(x.order_id, v_entry.filled_quantity) end
      from matching.list_orders(p_symbol.segment_id, p_list_id) as x
      join matching.orders as o
        on o.segment_id = p_symbol.segment_id
        and o.order_id = x.order_id
        and o.created_at = x.created_at
      where x.order_id <> p_entry_id
        and (x.pending_reason = 'PARENT' or o.quantity < v_entry.filled_quantity)
      order by o.stop_price is not null or o.type = 'TRAILING_STOP', x.order_id
    );
  end if;
  if v_entry.remaining_quantity > 0 then
    return '{}';
  end if;
  return array(
    select matching.cancel_command(x.order_id, 'OTO_PHASE_ONE_EXPIRED')
    from matching.list_orders(p_symbol.segment_id, p_list_id) as x
    where x.pending_reason = 'PARENT'
    order by x.order_id
  );
end;
$$;
comment on function matching.exit_commands is 'what the exits of an entry are to do';
