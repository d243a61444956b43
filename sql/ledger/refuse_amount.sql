-- Refuses an amount that is not a positive multiple of the unit of its asset. Not a number,
-- infinity and null have no scale: what is not known to be right is refused. Raises: IVAMT.
-- Reads nothing.
create or replace function ledger.refuse_amount(
  p_amount numeric,
  p_decimals int
) returns void
language plpgsql stable
as $$
begin
  if (p_amount > 0 and scale(trim_scale(p_amount)) <= p_decimals) is not true then
    raise exception 'amount % is not a positive multiple of %',
      p_amount, reference.asset_unit(p_decimals)
      using errcode = 'IVAMT', hint = 'AMOUNT_UNIT', column = 'amount';
  end if;
end;
$$;
comment on function ledger.refuse_amount is
  'refuses an amount that is not a positive multiple of its asset''s unit';
