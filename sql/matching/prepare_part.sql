-- Makes commands ready to match, with what of the market they name: their targets found, a slot
-- for each order, parties numbered in the order of their ids, what each is charged, the orders of
-- a list tied together. Under the lock of the symbol. Returns the batch. Writes what
-- matching.fold_volumes does.
create or replace function matching.prepare_part(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  c_nothing constant matching.slot := row(null);
  v_count int := cardinality(p_batch.asked);
begin
  p_batch.found := row('{}', '{}', '{}', '{}')::matching.chunk;
  if p_batch.has_changes then
    p_batch := matching.find_targets(p_symbol, p_commands, p_batch);
  end if;
  p_batch := matching.fill_slots(p_now, p_commands, p_batch);
  -- While a segment has no schedules of fees, all is charged at the symbols' own rates.
  if exists (
    select from reference.fee_schedules as f where f.segment_id = p_symbol.segment_id
  ) then
    p_batch := matching.charge_batch(p_symbol, p_now, p_batch);
  end if;
  if p_batch.has_amendments then
    p_batch.asked := matching.amend_terms(p_symbol, p_batch);
  end if;
  if p_batch.is_special and exists (
    select from unnest(p_commands) as c where c.only_if = 'NEW' and c.op in ('CANCEL', 'AMEND')
  ) then
    p_batch.asked := matching.bar_filled(p_symbol, p_batch);
  end if;
  if p_batch.is_special
    and exists (select from unnest(p_commands) as c where c.list_no is not null) then
    p_batch := matching.tie_lists(p_commands, p_batch);
  end if;

  -- The two empty slots from which the reading of each side of the book starts.
  p_batch.sort_prices := p_batch.sort_prices || (p_batch.found).sort_prices
    || array['-Infinity'::numeric, '-Infinity'];
  p_batch.priority_nos := array_fill(0::bigint, array[v_count]) || (p_batch.found).priority_nos
    || array[0::bigint, 0];
  p_batch.remaining := array_fill(0::numeric, array[v_count]) || (p_batch.found).remaining
    || array[0.0, 0.0];
  p_batch.slots := p_batch.slots || c_nothing || c_nothing;
  return p_batch;
end;
$$;
comment on function matching.prepare_part is
  'makes commands ready to match, with what of the market they name';
