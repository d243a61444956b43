-- Says when instructions of a symbol may settle in part: pairs of begin and end, UTC; none: always.
-- Writes: reference.partial_windows. Raises: IVWIN for what is no list of such pairs.
create or replace function settlement.set_partial_windows(
  p_symbol_id int,
  p_windows jsonb
) returns void
language plpgsql volatile
as $$
begin
  delete from reference.partial_windows as w
  where w.symbol_id = p_symbol_id;
  insert into reference.partial_windows (symbol_id, starts_at, ends_at)
  select p_symbol_id, (w.pair ->> 0)::time, (w.pair ->> 1)::time
  from jsonb_array_elements(coalesce(p_windows, '[]')) as w (pair);
exception when data_exception or integrity_constraint_violation then
  raise exception 'windows are pairs of times: %', p_windows
    using errcode = 'IVWIN', hint = 'BAD_WINDOWS', column = 'windows';
end;
$$;
comment on function settlement.set_partial_windows is
  'says when instructions of a symbol may settle in part';
