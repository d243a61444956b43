-- The command by which the venue itself ends an order, for this reason. Reads nothing.
create or replace function matching.cancel_command(
  p_order_id bigint,
  p_reason matching.end_reason
) returns matching.command
language sql immutable parallel safe
as $$
  select row(
    'CANCEL', null, null, null, null, null, null, null, null, p_order_id, null, null, null, null,
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    p_reason
  )::matching.command
$$;
comment on function matching.cancel_command is 'the command by which the venue ends an order';
