-- What to tell those whose commands were refused, a row for each of these refusals: the state (its
-- class decides the HTTP status), the code word, a sentence, the field at fault and the bound it
-- broke. What is no refusal to tell of (a repeat, a second cancel) gives none. Reads nothing.
create or replace function matching.explain_refusals(
  p_symbol reference.symbols,
  p_refusals matching.refusal[]
) returns table (
  refusal matching.refusal,
  state text,
  code text,
  detail text,
  field text,
  bound text
)
language sql stable parallel safe
as $$
  select
    e.refusal::matching.refusal, e.state, e.refusal, e.detail, e.field, trim_scale(e.bound)::text
  from (
    values
      ('UNKNOWN_PARTICIPANT', 'NFPAR', 'client_id', null, 'there is no such participant'),
      ('UNKNOWN_ORDER', 'NFORD', 'order_id', null, 'there is no such order'),
      ('ORDER_TYPE', 'RJTYP', 'type', null, 'this type of order is not taken here'),
      ('TIME_IN_FORCE', 'RJTIF', 'time_in_force', null,
        'this time in force is not taken for this type of order'),
      ('PRICE_MISSING', 'IVPRC', 'price', null, 'a limit order needs a price'),
      ('PRICE_NOT_ALLOWED', 'IVPRC', 'price', null, 'a market order has no price'),
      ('PRICE_TICK', 'RJTCK', 'price', p_symbol.tick_size,
        'the price must be a positive multiple of the tick size'),
      ('LOT_SIZE', 'RJLOT', 'quantity', p_symbol.lot_size,
        'the quantity must be a positive multiple of the lot size'),
      ('MIN_QUANTITY', 'RJMIN', 'quantity', p_symbol.min_quantity, 'the quantity is too small'),
      ('MAX_QUANTITY', 'RJMAX', 'quantity', p_symbol.max_quantity, 'the quantity is too large'),
      ('MIN_NOTIONAL', 'RJMIN', 'quantity', p_symbol.min_notional,
        'price x quantity is too small'),
      ('MAX_NOTIONAL', 'RJMAX', 'quantity', p_symbol.max_notional,
        'price x quantity is too large'),
      ('PRICE_COLLAR', 'RJCOL', 'price', null,
        'the price is too far beyond the last one, or a stop order''s own'),
      ('MAX_OPEN_ORDERS', 'RJOPN', null, p_symbol.max_open_orders,
        'the participant has too many open orders at the symbol'),
      ('MAX_POSITION', 'RJPOS', 'quantity', p_symbol.max_position,
        'the participant would come to own too much of the base asset'),
      ('NOTHING_TO_AMEND', 'IVAMD', null, null, 'give a price or a quantity to amend'),
      ('KEY_REUSED', 'RJKEY', 'idempotency_key', null, 'the key was used for another request'),
      ('SYMBOL_HALTED', 'RJHLT', 'symbol', null, 'the symbol does not trade now'),
      ('ORDER_FILLED', 'STFIL', 'order_id', null, 'the order is filled'),
      ('ORDER_NOT_OPEN', 'STORD', 'order_id', null, 'the order is not open any more'),
      ('NO_LIQUIDITY', 'RJLIQ', null, null, 'nobody is on the other side of the book'),
      ('INSUFFICIENT_FUNDS', 'RJFND', null, null,
        'the available balance does not cover the order and its fee'),
      ('BATCH_ROLLED_BACK', 'RJATM', null, null,
        'another command of this atomic batch was refused')
  ) as e (refusal, state, field, bound, detail)
  where e.refusal = any (p_refusals::text[])
$$;
comment on function matching.explain_refusals is 'what to tell those whose commands were refused';
