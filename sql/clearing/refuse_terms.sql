-- Refuses terms of an instruction that cannot be: amounts that are not multiples of their units, or
-- nobody on the other side. Reads nothing. Raises: IVAMT, IVPAR.
create or replace function clearing.refuse_terms(
  p_symbol reference.symbols,
  p_seller_id int,
  p_buyer_id int,
  p_quantity numeric,
  p_notional numeric
) returns void
language plpgsql stable
as $$
begin
  if (
    p_quantity > 0 and scale(trim_scale(p_quantity)) <= p_symbol.base_decimals
    and p_notional >= 0 and scale(trim_scale(p_notional)) <= p_symbol.quote_decimals
  ) is not true then
    raise exception 'quantity % and amount % are not multiples of their units', p_quantity,
      p_notional using errcode = 'IVAMT', hint = 'AMOUNT_UNIT', column = 'quantity';
  end if;
  if p_seller_id = p_buyer_id then
    raise exception 'nobody delivers to itself'
      using errcode = 'IVPAR', hint = 'SAME_PARTICIPANT', column = 'buyer';
  end if;
end;
$$;
comment on function clearing.refuse_terms is 'refuses terms of an instruction that cannot be';
