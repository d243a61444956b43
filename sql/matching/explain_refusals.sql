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
      ('TIME_IN_FORCE', 'RJTIF', 'time_in_force', null, 'it is not taken for this type of order'),
      ('PRICE_MISSING', 'IVPRC', 'price', null, 'a limit order needs a price'),
      ('PRICE_NOT_ALLOWED', 'IVPRC', 'price', null, 'a market order has no price'),
      ('QUANTITY_MISSING', 'IVQTY', 'quantity', null, 'an order needs a quantity'),
      ('QUANTITY_NOT_ALLOWED', 'IVQTY', 'quote_quantity', null, 'for market orders only'),
      ('STOP_PRICE_MISSING', 'IVSTP', 'stop_price', null, 'a stop order needs a stop price'),
      ('STOP_PRICE_NOT_ALLOWED', 'IVSTP', 'stop_price', null, 'this type has none'),
      ('TRAILING_MISSING', 'IVTRL', 'trailing_offset', null, 'a trailing stop needs one distance'),
      ('TRAILING_NOT_ALLOWED', 'IVTRL', 'trailing_offset', null, 'it is for trailing stops'),
      ('POST_ONLY_NOT_ALLOWED', 'RJPST', 'post_only', null, 'the order cannot rest'),
      ('DISPLAY_NOT_ALLOWED', 'RJDSP', 'display_quantity', null,
        'the order cannot rest, or is not larger'),
      ('EXPIRE_AT', 'RJEXP', 'expire_at', null, 'a GTD order needs an expiry in the future'),
      ('STP_NOT_ALLOWED', 'RJSTP', 'stp', null, 'this mode is not taken here'),
      ('BAD_LIST', 'IVLST', 'list_role', null, 'the orders do not make a list'),
      ('PRICE_TICK', 'RJTCK', 'price', p_symbol.tick_size,
        'the price must be a positive multiple of the tick size'),
      ('STOP_PRICE_TICK', 'RJTCK', 'stop_price', p_symbol.tick_size,
        'it must be a multiple of the tick size'),
      ('LOT_SIZE', 'RJLOT', 'quantity', p_symbol.lot_size,
        'the quantity must be a positive multiple of the lot size'),
      ('DISPLAY_LOT', 'RJLOT', 'display_quantity', p_symbol.lot_size,
        'it must be a multiple of the lot size'),
      ('MIN_QUANTITY', 'RJMIN', 'quantity', p_symbol.min_quantity, 'the quantity is too small'),
      ('MAX_QUANTITY', 'RJMAX', 'quantity', p_symbol.max_quantity, 'the quantity is too large'),
      ('MIN_NOTIONAL', 'RJMIN', 'quantity', p_symbol.min_notional, 'price x quantity is too small'),
      ('MAX_NOTIONAL', 'RJMAX', 'quantity', p_symbol.max_notional, 'price x quantity is too large'),
      ('TRAILING_DELTA', 'RJTRL', 'trailing_bips', p_symbol.max_trailing_bips, 'out of range'),
      ('ICEBERG_PARTS', 'RJICE', 'display_quantity', p_symbol.max_iceberg_parts, 'too many parts'),
      ('PRICE_COLLAR', 'RJCOL', 'price', null,
        'the price is too far beyond the last one, or a stop order''s own'),
      ('MAX_OPEN_ORDERS', 'RJOPN', null, p_symbol.max_open_orders,
        'the participant has too many open orders at the symbol'),
      ('MAX_POSITION', 'RJPOS', 'quantity', p_symbol.max_position,
        'the participant would come to own too much of the base asset'),
      ('NOTHING_TO_AMEND', 'IVAMD', null, null, 'give something to amend'),
      ('KEY_REUSED', 'RJKEY', 'idempotency_key', null, 'the key was used for another request'),
      ('EXPIRED_REQUEST', 'RJDLN', 'deadline', null, 'the deadline of the request has passed'),
      ('SYMBOL_DELISTED', 'RJHLT', 'symbol', null, 'the symbol trades no more'),
      ('SYMBOL_HALTED', 'RJHLT', 'symbol', null, 'the symbol does not trade now'),
      ('CANCEL_ONLY', 'RJHLT', 'symbol', null, 'orders can only be cancelled or reduced now'),
      ('SYMBOL_CLOSED', 'RJHLT', 'symbol', null, 'the symbol is closed'),
      ('CALL_PHASE', 'RJPHS', 'time_in_force', null, 'it is not taken in a call'),
      ('NOT_IN_CALL', 'RJPHS', 'time_in_force', null, 'it is taken in a call only'),
      ('CANCELS_LOCKED', 'RJPHS', 'symbol', null, 'an uncrossing is near'),
      ('ORDER_FILLED', 'STFIL', 'order_id', null, 'the order is filled'),
      ('ORDER_NOT_OPEN', 'STORD', 'order_id', null, 'the order is not open any more'),
      ('CONDITION_FAILED', 'STCND', 'only_if', null, 'a part of the order is filled'),
      ('WOULD_TRIGGER', 'RJTRG', 'stop_price', null, 'the last price has reached it already'),
      ('WOULD_TAKE', 'RJTAK', 'price', null, 'a post-only order would trade at once'),
      ('NO_LIQUIDITY', 'RJLIQ', null, null, 'nobody is on the other side of the book'),
      ('QUOTE_QUANTITY', 'RJMIN', 'quote_quantity', p_symbol.min_quantity, 'it trades too little'),
      ('INSUFFICIENT_FUNDS', 'RJFND', null, null,
        'the available balance does not cover the order and its fee'),
      ('LIST_REFUSED', 'RJATM', null, null, 'another order of the list was refused'),
      ('BATCH_ROLLED_BACK', 'RJATM', null, null,
        'another command of this atomic batch was refused')
  ) as e (refusal, state, field, bound, detail)
  where e.refusal = any (p_refusals::text[])
$$;
comment on function matching.explain_refusals is 'what to tell those whose commands were refused';
