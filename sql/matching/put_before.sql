-- A batch with commands of the venue's own before its own, or alone. The phase may
-- bar one of them, too. Reads only.
create or replace function matching.put_before(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_system matching.command[],
  p_batch matching.batch,
  p_is_alone boolean
) returns matching.batch
language plpgsql stable
as $$
declare
  v_batch matching.batch := matching.parse_commands(p_symbol, p_system);
begin
  v_batch := matching.bar_commands(p_symbol, p_state, p_now, p_system, v_batch);
  v_batch.order_ids := array_fill(null::bigint, array[cardinality(p_system)]);
  v_batch.has_changes := true;
  if p_is_alone then
    return v_batch;
  end if;

  v_batch.asked := v_batch.asked || p_batch.asked;
  v_batch.refusals := v_batch.refusals || p_batch.refusals;
  v_batch.order_ids := v_batch.order_ids || p_batch.order_ids;
  v_batch.owner_ids := v_batch.owner_ids || p_batch.owner_ids;
  v_batch.sort_prices := v_batch.sort_prices || p_batch.sort_prices;
  v_batch.is_special := v_batch.is_special or p_batch.is_special;
  v_batch.has_amendments := v_batch.has_amendments or p_batch.has_amendments;
  return v_batch;
end;
$$;
comment on function matching.put_before is 'a batch with the venue''s own commands before its own';
