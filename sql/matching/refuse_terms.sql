-- Why an order must be refused for what only some orders say, or null: the first that holds, in the
-- order of matching.refusal [MAT-010]. Takes the command's terms: prices and offsets in quote per
-- base, quantities in base, quote_quantity in quote. Reads nothing.
create or replace function matching.refuse_terms(
  p_symbol reference.symbols,
  p_command matching.command
) returns matching.refusal
language plpgsql immutable parallel safe
as $$
declare
  c constant matching.command := p_command;
  v_trails boolean := c.type = 'TRAILING_STOP';
  v_stops boolean := c.type not in ('LIMIT', 'MARKET', 'TRAILING_STOP');
  v_rests boolean := c.type not in ('MARKET', 'STOP', 'TAKE_PROFIT', 'TRAILING_STOP')
    and c.time_in_force not in ('IOC', 'FOK');
begin
  return case
    when c.quantity is null and c.quote_quantity is null then 'QUANTITY_MISSING'::matching.refusal
    when c.quote_quantity is not null and (
      c.quantity is not null or c.type <> 'MARKET' or c.time_in_force in ('OPG', 'CLS')
    ) then 'QUANTITY_NOT_ALLOWED'
    when v_stops and c.stop_price is null then 'STOP_PRICE_MISSING'
    when not v_stops and c.stop_price is not null then 'STOP_PRICE_NOT_ALLOWED'
    when v_trails and num_nonnulls(c.trailing_offset, c.trailing_bips) <> 1
      then 'TRAILING_MISSING'
    when not v_trails and num_nonnulls(
      c.trailing_offset, c.trailing_bips, c.activation_price, c.limit_offset
    ) > 0 then 'TRAILING_NOT_ALLOWED'
    when c.post_only and (not v_rests or v_stops) or c.slide and c.post_only is not true
      then 'POST_ONLY_NOT_ALLOWED'
    when c.display_quantity is not null and (
      c.display_quantity > c.quantity or not v_rests or c.time_in_force not in ('GTC', 'GTD', 'DAY')
    ) then 'DISPLAY_NOT_ALLOWED'
    when (c.time_in_force = 'GTD') <> (c.expire_at is not null) then 'EXPIRE_AT'
    when c.stp <> all (p_symbol.allowed_stps) then 'STP_NOT_ALLOWED'
    when (c.list_no is null) <> (c.list_role is null) then 'BAD_LIST'
    when least(c.stop_price, c.activation_price, c.trailing_offset) <= 0
      or c.limit_offset < 0
      or c.stop_price % p_symbol.tick_size <> 0
      or c.activation_price % p_symbol.tick_size <> 0
      or c.trailing_offset % p_symbol.tick_size <> 0
      or c.limit_offset % p_symbol.tick_size <> 0 then 'STOP_PRICE_TICK'
    when c.display_quantity <= 0 or c.display_quantity % p_symbol.lot_size <> 0
      then 'DISPLAY_LOT'
    when c.quote_quantity <= 0 or c.quote_quantity < p_symbol.min_notional then 'MIN_NOTIONAL'
    when c.quote_quantity > p_symbol.max_notional then 'MAX_NOTIONAL'
    when c.trailing_bips not between p_symbol.min_trailing_bips and p_symbol.max_trailing_bips
      then 'TRAILING_DELTA'
    when ceil(c.quantity / c.display_quantity) > p_symbol.max_iceberg_parts then 'ICEBERG_PARTS'
  end;
end;
$$;
comment on function matching.refuse_terms is
  'why an order is refused for what only some orders say';
