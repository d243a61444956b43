-- The row of a symbol by its name, in any case of letters.
-- Reads only. Raises NFSYM when the segment has no such symbol.
create or replace function reference.get_symbol(
  p_segment_id int,
  p_symbol text
) returns reference.symbols
language plpgsql stable
as $$
declare
  v_symbol reference.symbols;
begin
  select s.* into v_symbol
  from reference.symbols as s
  where s.symbol = upper(p_symbol)
    and s.segment_id = p_segment_id;

  if not found then
    raise exception 'there is no symbol %', p_symbol
      using errcode = 'NFSYM', hint = 'UNKNOWN_SYMBOL', column = 'symbol';
  end if;

  return v_symbol;
end;
$$;
comment on function reference.get_symbol is 'the row of a symbol by name; NFSYM when there is none';
