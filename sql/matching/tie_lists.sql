-- Ties the orders of a list together that a batch places: the list is named by its first order, and
-- of two orders of which one cancels the other, the second knows the first: both are held only
-- once; a limit order of the two must not trade at once [MAT-053].
-- Reads nothing; returns the batch.
create or replace function matching.tie_lists(
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql immutable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_slots matching.slot[] := p_batch.slots;
  v_order record;
begin
  for v_order in
    select
      c.n, c.type, min(o.order_id) over (partition by c.list_no) as list_id,
      lag(c.n) over (partition by c.list_no, c.list_role order by c.n) as sibling, c.list_role
    from (
      select u.op, u.type, u.list_no, u.list_role, row_number() over () as n
      from unnest(p_commands) as u
    ) as c
    join unnest(p_batch.order_ids) with ordinality as o (order_id, n)
      on o.n = c.n
    where c.list_no is not null
      and c.op = 'PLACE'
  loop
    v_slots[v_order.n].list_id := v_order.list_id;
    if v_order.list_role = 'OCO' then
      v_asked[v_order.n].sibling := v_order.sibling;
      v_asked[v_order.n].is_post_only := v_order.type = 'LIMIT';
    end if;
  end loop;
  p_batch.asked := v_asked;
  p_batch.slots := v_slots;
  return p_batch;
end;
$$;
comment on function matching.tie_lists is 'ties the orders of a list together';
