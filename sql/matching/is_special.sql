-- Whether an order says more than plain limit and market orders do. Reads nothing.
create or replace function matching.is_special(
  p_command matching.command
) returns boolean
language sql immutable parallel safe
as $$
  select p_command.type not in ('LIMIT', 'MARKET')
    or p_command.time_in_force not in ('GTC', 'IOC', 'FOK')
    or p_command.quantity is null
    or num_nonnulls(
      p_command.quote_quantity, p_command.stop_price, p_command.trailing_offset,
      p_command.trailing_bips, p_command.activation_price, p_command.limit_offset,
      p_command.post_only, p_command.slide, p_command.display_quantity, p_command.expire_at,
      p_command.stp, p_command.list_no, p_command.list_role
    ) > 0
$$;
comment on function matching.is_special is 'whether an order says more than plain ones do';
