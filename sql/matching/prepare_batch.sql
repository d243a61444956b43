-- Makes a parsed batch a batch of the symbol, once: order ids for what passed the filters, keys
-- claimed, and what the time and the phase bar. Under the lock of the symbol.
-- Returns the batch. Writes: matching.order_keys.
create or replace function matching.prepare_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_ops matching.operation[];  -- null: all are orders
begin
  if p_batch.has_changes then
    v_ops := array(select c.op from unnest(p_commands) as c);
  end if;
  select coalesce(array_agg(c.order_id), '{}') into p_batch.order_ids
  from (
    select case when b.is_new then p_symbol.symbol_id * c_ids_per_symbol + p_state.last_order_no
      + count(*) filter (where b.is_new) over (rows unbounded preceding) end as order_id
    from (
      select r.refusal is null and coalesce(r.op, 'PLACE') = 'PLACE' as is_new
      from unnest(p_batch.refusals, v_ops) as r (refusal, op)
    ) as b
  ) as c;

  if exists (
    select from unnest(p_commands) as c
    where c.op = 'PLACE'
      and (c.idempotency_key is not null or c.client_order_id is not null)
  ) then
    p_batch := matching.claim_keys(p_symbol.segment_id, p_now, p_commands, p_batch);
  end if;

  if p_batch.is_special then
    p_batch.asked := matching.source_terms(p_symbol, p_now, p_commands, p_batch.asked);
  end if;
  if p_symbol.status <> 'ACTIVE' or p_state.phase <> 'CONTINUOUS' or p_batch.is_special then
    p_batch := matching.bar_commands(p_symbol, p_state, p_now, p_commands, p_batch);
  end if;
  return p_batch;
end;
$$;
comment on function matching.prepare_batch is 'makes a parsed batch a batch of the symbol';
