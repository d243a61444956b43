-- Says how long after the trade a symbol settles, and whose business days count (null: those of the
-- calendar that it trades by). Trades that were made already keep their value dates.
-- Writes: reference.symbols. Raises: IVSYM for days that are not between 0 and 30.
create or replace function reference.set_settlement(
  p_symbol_id int,
  p_days int,
  p_calendar_id int
) returns void
language plpgsql volatile
as $$
begin
  if (p_days between 0 and 30) is not true then
    raise exception 'a symbol settles within 0 to 30 business days, not %', p_days
      using errcode = 'IVSYM', hint = 'BAD_SYMBOL', column = 'settlement_days';
  end if;

  update reference.symbols as s
  set settlement_days = p_days,
    settlement_calendar_id = p_calendar_id
  where s.symbol_id = p_symbol_id;
end;
$$;
comment on function reference.set_settlement is 'says when the trades of a symbol settle';
