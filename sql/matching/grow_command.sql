-- The command that raises an exit's quantity to what its entry has traded. Reads nothing.
create or replace function matching.grow_command(
  p_order_id bigint,
  p_quantity numeric,
  p_traded numeric
) returns matching.command
language sql immutable parallel safe
as $$
  select row(
    'AMEND', null, null, null, null, null, greatest(p_quantity, p_traded), null, null, p_order_id,
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    null, null, null, null
  )::matching.command
$$;
comment on function matching.grow_command is 'the command that raises an exit''s quantity';
