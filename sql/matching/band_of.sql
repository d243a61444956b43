-- The band of a symbol at a moment: no trade prints below low or above high [MAT-080]. Without a
-- band_rate, or before there is a reference price, nothing is outside. Reads nothing.
create or replace function matching.band_of(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  out low numeric,
  out high numeric
)
language sql immutable
as $$
  select
    coalesce(r.price * (1 - p_symbol.band_rate), '-Infinity'),
    coalesce(r.price * (1 + p_symbol.band_rate), 'Infinity')
  from (select matching.reference_price(p_state, p_at) as price) as r
$$;
comment on function matching.band_of is 'the band of a symbol: no trade prints outside';
