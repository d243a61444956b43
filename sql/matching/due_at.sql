-- When something is due next at a symbol: an order expires, or, while the symbol is active, its
-- phase ends. In a closing call the orders of the day wait for its end [MAT-079]. Reads only.
create or replace function matching.due_at(
  p_symbol reference.symbols,
  p_state matching.symbol_state
) returns timestamptz
language plpgsql volatile
as $$
declare
  v_phase_at timestamptz := case when p_symbol.status = 'ACTIVE' then p_state.phase_until
    else 'infinity' end;
  v_in_close boolean := matching.is_in_close(p_symbol, p_state);
  v_expire_at timestamptz;
begin
  select min(d.expire_at) into v_expire_at
  from (
    select min(b.expire_at) as expire_at
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.expire_at is not null
      and not (v_in_close and coalesce(b.session_rule = 'DAY', false))
    union all
    select min(k.expire_at)
    from matching.parked_orders as k
    where k.segment_id = p_symbol.segment_id
      and k.symbol_id = p_symbol.symbol_id
      and k.expire_at is not null
      and not (v_in_close and k.time_in_force = 'DAY')
  ) as d;
  return least(v_phase_at, v_expire_at);
end;
$$;
comment on function matching.due_at is 'when something is due next at a symbol';
