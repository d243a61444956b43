-- Sets the status of a symbol under its lock, so that it holds from the next batch on.
-- Raises: NFSYM. Locks: the symbol. Writes: reference.symbols.
create or replace function ops.set_symbol_status(
  p_segment_id int,
  p_symbol text,
  p_status reference.symbol_status_enum,
  p_reason text
) returns void
language plpgsql volatile
as $$
declare
  v_symbol_id int := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
begin
  perform matching.lock_symbol(p_segment_id, v_symbol_id);

  update reference.symbols as s
  set status = p_status,
    status_reason = p_reason
  where s.symbol_id = v_symbol_id;
end;
$$;
comment on function ops.set_symbol_status is 'sets the status of a symbol under its lock';
