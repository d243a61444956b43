-- The commands that end the other orders of an order's list, because it fires: none when it is the
-- entry, which its exits wait for, or belongs to no list [MAT-053]. One that has traded when its
-- turn comes goes on: then it is this order that has ended. Reads only.
create or replace function matching.end_siblings(
  p_parked matching.parked_orders
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_commands matching.command[] := '{}';
  v_command matching.command;
begin
  for v_command in
    select c.*
    from matching.order_lists as l
    cross join lateral matching.list_orders(l.segment_id, l.list_id) as o
    cross join lateral matching.cancel_command(o.order_id, 'OCO_TRIGGER') as c
    where l.segment_id = p_parked.segment_id
      and l.list_id = p_parked.list_id
      and p_parked.order_id is distinct from l.entry_order_id
      and o.order_id is distinct from l.entry_order_id
      and o.order_id <> p_parked.order_id
    order by o.order_id
  loop
    v_command.only_if := 'NEW';
    v_commands := v_commands || v_command;
  end loop;
  return v_commands;
end;
$$;
comment on function matching.end_siblings is 'the commands that end the others of an order''s list';
