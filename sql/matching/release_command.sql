-- The command by which the venue takes an order from where it is parked to be matched: as a limit
-- order at this price, as a market order when that is null. Takes the quantity in base that it has
-- by then. Reads nothing.
create or replace function matching.release_command(
  p_parked matching.parked_orders,
  p_client_id text,
  p_price numeric,
  p_quantity numeric
) returns matching.command
language sql immutable parallel safe
as $$
  select row(
    'RELEASE', p_client_id, p_parked.side, p_parked.type, p_parked.time_in_force, p_price,
    p_quantity, null, null, p_parked.order_id, p_parked.quote_quantity, null, null, null, null,
    null, null, null, p_parked.post_only, p_parked.slide,
    p_parked.display_quantity, p_parked.expire_at, p_parked.stp, null, null, null, null, null, null,
    null
  )::matching.command
$$;
comment on function matching.release_command is
  'the command by which the venue takes a parked order to be matched';
