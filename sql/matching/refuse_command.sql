-- Why a command must be refused by the symbol's filters, or null: the first that holds, in the
-- order of matching.refusal. Needs no lock and reads nothing: what it refuses leaves no trace
-- [MAT-010]. What only some orders say is for matching.refuse_terms.
-- Takes a price in quote per base and a quantity in base; of an amendment, those it would result
-- in.
create or replace function matching.refuse_command(
  p_symbol reference.symbols,
  p_op matching.operation,
  p_type matching.order_type_enum,
  p_time_in_force matching.time_in_force_enum,
  p_price numeric,
  p_quantity numeric
) returns matching.refusal
language sql immutable parallel safe
as $$
  select case
    when p_type = 'MARKET' and p_time_in_force not in ('IOC', 'FOK', 'OPG', 'CLS')
      or p_type not in ('LIMIT', 'MARKET') and p_time_in_force in ('OPG', 'CLS', 'GFA', 'GTX')
      then 'TIME_IN_FORCE'::matching.refusal
    when p_type in ('LIMIT', 'STOP_LIMIT', 'TAKE_PROFIT_LIMIT') and p_price is null
      then 'PRICE_MISSING'
    when p_type in ('MARKET', 'STOP', 'TAKE_PROFIT', 'TRAILING_STOP') and p_price is not null
      then 'PRICE_NOT_ALLOWED'
    when p_price <= 0 or p_price % p_symbol.tick_size <> 0 then 'PRICE_TICK'
    when p_quantity <= 0 or p_quantity % p_symbol.lot_size <> 0 then 'LOT_SIZE'
    when p_quantity < p_symbol.min_quantity then 'MIN_QUANTITY'
    when p_quantity > p_symbol.max_quantity then 'MAX_QUANTITY'
    when p_price * p_quantity < p_symbol.min_notional then 'MIN_NOTIONAL'
    when p_price * p_quantity > p_symbol.max_notional then 'MAX_NOTIONAL'
  end
$$;
comment on function matching.refuse_command is
  'why the filters of a symbol refuse a command, or null';
