-- What becomes of a symbol's reference price when these trades print at p_at, in this order
-- [MAT-081]: they are added to the sums of the window of five minutes, or begin a new one when that
-- is full. Four numbers in the row that a batch writes anyhow: nothing is read again. Called for
-- symbols with a band, or whose calls may go on. Returns the four columns of matching.symbol_state.
-- Reads nothing.
create or replace function matching.roll_reference(
  p_state matching.symbol_state,
  p_at timestamptz,
  p_prices numeric[],
  out reference_price numeric,
  out reference_at timestamptz,
  out price_sum numeric,
  out price_count bigint
)
language plpgsql immutable
as $$
declare
  v_is_full boolean := p_at >= p_state.reference_at + interval '5 minutes';
begin
  reference_price := coalesce(matching.reference_price(p_state, p_at), p_prices[1]);
  reference_at := p_state.reference_at;
  price_sum := p_state.price_sum;
  price_count := p_state.price_count;
  if coalesce(cardinality(p_prices), 0) = 0 then
    return;
  end if;

  if reference_at is null or v_is_full then
    reference_at := p_at;
    price_sum := 0;
    price_count := 0;
  end if;
  price_sum := price_sum + (select sum(p.price) from unnest(p_prices) as p (price));
  price_count := price_count + cardinality(p_prices);
end;
$$;
comment on function matching.roll_reference is
  'what becomes of a symbol''s reference price when trades print';
