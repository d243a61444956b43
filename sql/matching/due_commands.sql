-- What is due at a symbol at a moment: the expiry of orders whose time has come [MAT-048], then the
-- orders that were accepted by then and not matched yet, in the order of their acceptance
-- [MAT-055]; in a call they rest. While the symbol is not active, or where
-- p_waits, these stay.
-- Reads only. Under the lock of the symbol.
create or replace function matching.due_commands(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_waits boolean
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_in_close boolean := matching.is_in_close(p_symbol, p_state);
  v_due matching.command[] := '{}';
begin
  if p_state.next_due_at <= p_at then
    select coalesce(array_agg(
      matching.cancel_command(d.order_id, case o.time_in_force
        when 'DAY' then 'DAY'::matching.end_reason else 'GTD' end)
      order by d.expire_at, d.order_id
    ), '{}')
    into v_due
    from (
      select b.order_id, b.created_at, b.expire_at
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.symbol_id = p_symbol.symbol_id
        and b.expire_at <= p_at
        and matching.is_over(b.expire_at, b.session_rule, v_in_close, p_at)
      union all
      select k.order_id, k.created_at, k.expire_at
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.symbol_id = p_symbol.symbol_id
        and k.expire_at <= p_at
        and matching.is_over(k.expire_at, k.time_in_force, v_in_close, p_at)
    ) as d
    join matching.orders as o
      on o.segment_id = p_symbol.segment_id
      and o.order_id = d.order_id
      and o.created_at = d.created_at;
  end if;

  if p_state.pending_count > 0 and p_symbol.status = 'ACTIVE' and not p_waits then
    v_due := v_due || array(
      select matching.release_command(k, p.client_id, abs(k.sort_price), k.quantity)
      from matching.parked_orders as k
      join reference.participants as p
        on p.participant_id = k.participant_id
      where k.segment_id = p_symbol.segment_id
        and k.symbol_id = p_symbol.symbol_id
        and k.pending_reason = 'MATCH'
        and k.created_at <= p_at
        and not matching.is_over(k.expire_at, k.time_in_force, v_in_close, p_at)
      order by k.entry_seq
    );
  end if;
  return v_due;
end;
$$;
comment on function matching.due_commands is 'what is due at a symbol at a moment';
