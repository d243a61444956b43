-- The command by which the venue gives an order of a list the quantity that the list asks for, in
-- base. That it says why the order would end tells it from one of its owner: no filter refuses it.
-- Reads nothing.
create or replace function matching.grow_command(
  p_order_id bigint,
  p_quantity numeric
) returns matching.command
language sql immutable parallel safe
as $$
  select row(
    'AMEND', null, null, null, null, null, p_quantity, null, null, p_order_id, null, null, null,
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    'USER'
  )::matching.command
$$;
comment on function matching.grow_command is
  'the command that gives an order of a list its quantity';
