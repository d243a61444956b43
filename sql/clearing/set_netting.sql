-- Says in which netting set the trades of a symbol settle from now on; null: each by itself.
-- Writes: reference.symbols. Raises: NFNET.
create or replace function clearing.set_netting(
  p_symbol reference.symbols,
  p_netting_set text
) returns void
language plpgsql volatile
as $$
begin
  if p_netting_set is not null and not exists (
    select
    from clearing.netting_sets as s
    where s.segment_id = p_symbol.segment_id
      and s.netting_set = p_netting_set
  ) then
    raise exception 'there is no netting set %', p_netting_set
      using errcode = 'NFNET', hint = 'UNKNOWN_NETTING_SET', column = 'netting_set';
  end if;

  update reference.symbols as s
  set netting_set = p_netting_set
  where s.symbol_id = p_symbol.symbol_id;
end;
$$;
comment on function clearing.set_netting is 'says in which netting set a symbol settles';
