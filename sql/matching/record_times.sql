-- Writes how long orders are good since a batch amended that [MAT-044], and at first what they were
-- placed with, for the answer to a repeat [MAT-021].
-- Writes: matching.orders, matching.book, matching.parked_orders. Under the lock of the symbol.
create or replace function matching.record_times(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  v_amended record;
begin
  for v_amended in
    select e.order_id, coalesce(c.time_in_force, 'GTD') as time_in_force, c.expire_at
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    join (select u.*, row_number() over () as n from unnest(p_outcome.closings) as u) as e
      on e.n = c.n
    where c.op = 'AMEND'
      and num_nonnulls(c.time_in_force, c.expire_at) > 0
      and e.kind is not null
    order by c.n
  loop
    update matching.orders as o
    set first_expire_at = case when o.first_time_in_force is null
        then o.expire_at else o.first_expire_at end,
      first_time_in_force = coalesce(o.first_time_in_force, o.time_in_force),
      time_in_force = v_amended.time_in_force,
      expire_at = case when v_amended.time_in_force = 'GTD'
        then coalesce(v_amended.expire_at, o.expire_at) end
    where o.segment_id = p_symbol.segment_id
      and o.order_id = v_amended.order_id;
    update matching.book as b
    set expire_at = case when v_amended.time_in_force = 'GTD'
      then coalesce(v_amended.expire_at, b.expire_at) end
    where b.segment_id = p_symbol.segment_id
      and b.order_id = v_amended.order_id;
    update matching.parked_orders as k
    set time_in_force = v_amended.time_in_force,
      expire_at = case when v_amended.time_in_force = 'GTD'
        then coalesce(v_amended.expire_at, k.expire_at) end
    where k.segment_id = p_symbol.segment_id
      and k.order_id = v_amended.order_id;
  end loop;
end;
$$;
comment on function matching.record_times is 'writes how long orders are good that were amended';
