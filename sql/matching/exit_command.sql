-- The command that brings an exit to life with this quantity: as the order that it was placed as, a
-- stop order to wait for its price, or to fire at once when that is reached already. As long as the
-- funds for it are not there it goes on to wait (only_if). Reads only.
create or replace function matching.exit_command(
  p_order matching.orders,
  p_quantity numeric
) returns matching.command
language sql stable
as $$
  select row(
    'RELEASE', p.client_id, p_order.side, p_order.type, p_order.time_in_force, p_order.price,
    p_quantity, null, null, p_order.order_id, null, p_order.stop_price, true,
    p_order.trigger_source, p_order.trailing_offset, p_order.trailing_bips,
    p_order.activation_price, p_order.limit_offset, p_order.post_only, p_order.slide,
    p_order.display_quantity, p_order.expire_at, p_order.stp, null, null, 'NEW', null, null,
    null, null
  )::matching.command
  from reference.participants as p
  where p.participant_id = p_order.participant_id
$$;
comment on function matching.exit_command is 'the command that brings an exit to life';
