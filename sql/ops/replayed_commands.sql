-- Commands as they are for another symbol: order ids by the number behind the symbol's. Reads
-- nothing.
create or replace function ops.replayed_commands(
  p_commands matching.command[],
  p_symbol_id int
) returns matching.command[]
language plpgsql immutable
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
begin
  for v_no in 1..cardinality(p_commands) loop
    if p_commands[v_no].order_id is not null then
      p_commands[v_no].order_id :=
        p_symbol_id * c_ids_per_symbol + p_commands[v_no].order_id % c_ids_per_symbol;
    end if;
  end loop;
  return p_commands;
end;
$$;
comment on function ops.replayed_commands is 'commands as they are for another symbol';
