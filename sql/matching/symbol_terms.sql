-- What a new symbol is like: the options by the names of the columns of reference.symbols, and what
-- is usual where they say nothing. Reads nothing.
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
    'settlement_days', 0
  ) || jsonb_strip_nulls(p_options)) as r
$$;
comment on function matching.symbol_terms is 'what a new symbol is like, by its options';
