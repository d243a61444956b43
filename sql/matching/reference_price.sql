-- The reference price of a symbol's band at a moment [MAT-081]: the price of the last uncrossing,
-- or since then the mean of all trades of the last full window of five minutes; before the first
-- window is full, the first trade. Null before any trade. Rounded to ten decimals. Reads nothing.
create or replace function matching.reference_price(
  p_state matching.symbol_state,
  p_at timestamptz
) returns numeric
language sql immutable
as $$
  select case
    when p_state.price_count > 0 and p_at >= p_state.reference_at + interval '5 minutes'
      then round(p_state.price_sum / p_state.price_count, 10)
    else p_state.reference_price end
$$;
comment on function matching.reference_price is 'the reference price of a symbol''s band';
