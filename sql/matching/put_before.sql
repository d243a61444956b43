-- A batch with commands of the venue's own before its own. Reads only.
create or replace function matching.put_before(
  p_symbol reference.symbols,
  p_system matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql stable
as $$
declare
  v_batch matching.batch := matching.parse_commands(p_symbol, p_system);
begin
  v_batch.asked := v_batch.asked || p_batch.asked;
  v_batch.refusals := v_batch.refusals || p_batch.refusals;
  v_batch.order_ids := array_fill(null::bigint, array[cardinality(p_system)]) || p_batch.order_ids;
  v_batch.owner_ids := v_batch.owner_ids || p_batch.owner_ids;
  v_batch.sort_prices := v_batch.sort_prices || p_batch.sort_prices;
  v_batch.is_special := v_batch.is_special or p_batch.is_special;
  v_batch.has_changes := true;
  v_batch.has_amendments := v_batch.has_amendments or p_batch.has_amendments;
  return v_batch;
end;
$$;
comment on function matching.put_before is 'a batch with the venue''s own commands before its own';
