-- Takes a price of a symbol from outside. Returns the commands of the stop orders that it fires;
-- none while the symbol does not trade continuously [MAT-052].
-- Writes: matching.published_prices; how far trailing stops have come. Under the symbol's lock.
create or replace function matching.take_price(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_source matching.trigger_source,
  p_price numeric,
  p_now timestamptz
) returns matching.command[]
language plpgsql volatile
as $$
begin
  insert into matching.published_prices as p (segment_id, symbol_id, source, price, published_at)
  values (p_symbol.segment_id, p_symbol.symbol_id, p_source, p_price, p_now)
  on conflict (segment_id, symbol_id, source) do update
  set price = excluded.price,
    published_at = excluded.published_at;

  if p_state.phase <> 'CONTINUOUS' or p_symbol.status <> 'ACTIVE' then
    return '{}';
  end if;
  return matching.fire_stops(
    p_symbol,
    array[row(
      p_state.last_seq + 1, p_price, 0, null, null, null, null, null, null, null, null, null, null,
      null, null
    )::matching.fill],
    array[p_source]
  );
end;
$$;
comment on function matching.take_price is
  'takes a price from outside: the commands of the stop orders that it fires';
