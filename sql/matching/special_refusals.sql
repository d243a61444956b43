-- What to tell those whose orders or changes were refused for what only some of them say, a row a
-- refusal: see matching.explain_refusals. Reads nothing.
create or replace function matching.special_refusals(
  p_symbol reference.symbols
) returns table (
  refusal text,
  state text,
  field text,
  bound numeric,
  detail text
)
language sql stable parallel safe
rows 30
as $$
  values
    ('QUANTITY_MISSING', 'IVQTY', 'quantity', null::numeric, 'an order needs a quantity'),
    ('QUANTITY_NOT_ALLOWED', 'IVQTY', 'quote_quantity', null,
      'only a market order has a quote quantity, and then no other'),
    ('STOP_PRICE_MISSING', 'IVSTP', 'stop_price', null, 'a stop order needs a stop price'),
    ('STOP_PRICE_NOT_ALLOWED', 'IVSTP', 'stop_price', null, 'only a stop order has a stop price'),
    ('TRAILING_MISSING', 'IVTRL', 'trailing_offset', null,
      'a trailing stop needs an offset or basis points, and a price to start from'),
    ('TRAILING_NOT_ALLOWED', 'IVTRL', 'trailing_offset', null, 'only a trailing stop has this'),
    ('POST_ONLY_NOT_ALLOWED', 'IVPST', 'post_only', null,
      'only a limit order that can rest is post-only, and only a post-only one slides'),
    ('DISPLAY_NOT_ALLOWED', 'IVDSP', 'display_quantity', null,
      'only an order that can rest shows a part of it, and no more than all'),
    ('EXPIRE_AT', 'IVEXP', 'expire_at', null,
      'an order that is GTD needs a time to expire at in the future, and no other has one'),
    ('STP_NOT_ALLOWED', 'RJSTP', 'stp', null, 'the symbol does not take this mode'),
    ('BAD_LIST', 'IVLST', 'list_no', null, 'the orders do not make a list'),
    ('STOP_PRICE_TICK', 'RJTCK', 'stop_price', p_symbol.tick_size,
      'prices and offsets of a stop order must be positive multiples of the tick size'),
    ('DISPLAY_LOT', 'RJLOT', 'display_quantity', p_symbol.lot_size,
      'the quantity that is shown must be a positive multiple of the lot size'),
    ('TRAILING_DELTA', 'RJTRL', 'trailing_bips', p_symbol.max_trailing_bips,
      'a trailing stop trails by too little or too much'),
    ('ICEBERG_PARTS', 'RJPRT', 'display_quantity', p_symbol.max_iceberg_parts,
      'the order would be shown in too many parts'),
    ('EXPIRED_REQUEST', 'RJDLN', 'deadline', null, 'the deadline had passed'),
    ('SYMBOL_DELISTED', 'RJDEL', 'symbol', null, 'the symbol is delisted'),
    ('CANCEL_ONLY', 'RJCXL', 'symbol', null, 'orders of the symbol can only be cancelled now'),
    ('SYMBOL_CLOSED', 'RJCLS', 'symbol', null, 'the symbol is closed now'),
    ('CALL_PHASE', 'RJCAL', 'time_in_force', null, 'this order cannot wait for the auction'),
    ('NOT_IN_CALL', 'RJNCL', 'time_in_force', null, 'this order is for an auction only'),
    ('CANCELS_LOCKED', 'RJLCK', 'symbol', null, 'the auction is so near that orders stay'),
    ('CONDITION_FAILED', 'STCND', 'only_if', null, 'the order is filled in part'),
    ('WOULD_TRIGGER', 'RJTRG', 'stop_price', null, 'the last price has reached the stop price'),
    ('WOULD_TAKE', 'RJPST', 'price', null, 'a post-only order would trade at once'),
    ('QUOTE_QUANTITY', 'RJQUO', 'quote_quantity', p_symbol.min_quantity,
      'the quote quantity does not make the least quantity of an order'),
    ('LIST_REFUSED', 'RJLST', 'list_no', null, 'another order of the list was refused')
$$;
comment on function matching.special_refusals is
  'what to tell those whose orders were refused for what only some say';
