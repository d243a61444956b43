-- Publishes the mark or index price of a symbol, in quote per base, and fires the stop orders that
-- follow it. Stop orders whose price is older than a minute follow the last trade meanwhile.
-- Returns how many orders fired or were ended by it. Raises: NFSYM; IVPRC when it is not a price.
-- Locks: the symbol.
create or replace function ops.publish_price(
  p_symbol text,
  p_source text,
  p_price numeric,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns int
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
begin
  if upper(p_source) not in ('MARK', 'INDEX') or p_price is null or p_price <= 0
    or p_price >= 'Infinity' then
    raise exception 'a price of MARK or INDEX is above zero'
      using errcode = 'IVPRC', hint = 'INVALID_PRICE';
  end if;
  return matching.publish_price(
    v_symbol, upper(p_source)::matching.trigger_source, p_price, p_now
  );
end;
$$;
comment on function ops.publish_price is
  'publish_price(symbol, source, price): fires the stop orders that follow a mark or index price';
revoke execute on function ops.publish_price from public;
grant execute on function ops.publish_price to pgsettle_operator;
