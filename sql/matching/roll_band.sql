-- The state of a symbol with its reference price and its band as they are at p_at, after trades at
-- these prices [MAT-080], [MAT-081]. Before there is a reference price any trade has consequences:
-- it sets the band for the next command. Reads nothing.
create or replace function matching.roll_band(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_prices numeric[]
) returns matching.symbol_state
language plpgsql immutable
as $$
declare
  v_state matching.symbol_state := p_state;
begin
  select r.reference_price, r.reference_at, r.price_sum, r.price_count
  into v_state.reference_price, v_state.reference_at, v_state.price_sum, v_state.price_count
  from matching.roll_reference(p_state, p_at, p_prices) as r;

  v_state.band_low := null;
  v_state.band_high := null;
  if p_symbol.band_rate is not null then
    select b.low, b.high into v_state.band_low, v_state.band_high
    from matching.band_of(p_symbol, v_state, p_at) as b;
    if v_state.reference_price is null then
      v_state.fires_above := '-Infinity';
    end if;
  end if;
  return v_state;
end;
$$;
comment on function matching.roll_band is
  'the state of a symbol with its reference price and its band as they are now';
