-- The part of a fill's fee that falls on a piece of its quantity, from p_begin to p_end: the
-- difference of two sums rounded to 18 decimals, so that the pieces add up to the fee. Zero for no
-- fill. Is inlined. Reads nothing.
create or replace function matching.fee_part(
  p_fee numeric,
  p_quantity numeric,
  p_begin numeric,
  p_end numeric
) returns numeric
language sql immutable parallel safe
as $$
  select coalesce(
    round(p_fee * p_end / p_quantity, 18) - round(p_fee * p_begin / p_quantity, 18), 0
  )
$$;
comment on function matching.fee_part is 'the part of a fee that falls on a piece of its fill';
