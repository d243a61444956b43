-- Whether a symbol has limits that depend on what stands there, and commands could go beyond them.
-- Reads nothing.
create or replace function matching.has_limits(
  p_symbol reference.symbols,
  p_commands matching.command[]
) returns boolean
language plpgsql immutable parallel safe
as $$
begin
  return num_nonnulls(p_symbol.collar_rate, p_symbol.max_open_orders, p_symbol.max_position) > 0
    and exists (select from unnest(p_commands) as c where c.op in ('PLACE', 'AMEND'));
end;
$$;
comment on function matching.has_limits is 'whether a symbol has limits that commands could break';
