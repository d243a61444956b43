-- Whether a command of these says more than plain limit and market orders, cancels and amendments
-- do. Reads nothing.
create or replace function matching.has_special(
  p_commands matching.command[]
) returns boolean
language sql immutable parallel safe
as $$
  select exists (
    select from unnest(p_commands) as c
    where c.type not in ('LIMIT', 'MARKET')
      or c.time_in_force not in ('GTC', 'IOC', 'FOK')
      or c.quantity is null and c.op = 'PLACE'
      or num_nonnulls(
        c.quote_quantity, c.stop_price, c.trailing_offset, c.trailing_bips, c.activation_price,
        c.limit_offset, c.post_only, c.slide, c.display_quantity, c.expire_at, c.stp, c.deadline,
        c.is_async, c.only_if, c.list_no, c.list_role
      ) > 0
  )
$$;
comment on function matching.has_special is 'whether a command says more than plain ones do';
