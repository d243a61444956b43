-- What a new symbol is like: the options by the names of the columns of reference.symbols, and what
-- is usual where they say nothing. A new one is active and continuous: its status, calendar and
-- group are set later, by calls of their own. Reads nothing.
create or replace function matching.symbol_terms(
  p_lot_size numeric,
  p_options jsonb
) returns reference.symbols
language sql immutable parallel safe
as $$
  select r
  from jsonb_populate_record(null::reference.symbols, jsonb_build_object(
    'min_quantity', p_lot_size,
    'min_notional', 0,
    'protection_rate', 0.05,
    'protection_ticks', 10,
    'maker_rate', 0.001,
    'taker_rate', 0.002,
    'default_stp', 'CANCEL_TAKER',
    'allowed_stps', enum_range(null::reference.stp_mode),
    'protection_rests', false,
    'max_iceberg_parts', 100,
    'min_trailing_bips', 1,
    'max_trailing_bips', 5000,
    'max_cascade', 100,
    'band_action', 'AUCTION',
    'accept_when_closed', true,
    'auction_random', '0',
    'auction_extension_time', '2 minutes',
    'auction_max_extensions', 1,
    'cancel_lock_time', '0',
    'band_auction_time', '5 minutes',
    'settlement_days', 0
  ) || jsonb_strip_nulls(p_options) || jsonb_build_object(
    'status', 'ACTIVE',
    'status_reason', null,
    'calendar_id', null,
    'group_id', null,
    'settlement_calendar_id', null,
    'netting_set', null
  )) as r
$$;
comment on function matching.symbol_terms is 'what a new symbol is like, by its options';
