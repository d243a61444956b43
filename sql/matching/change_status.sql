-- Sets the status of a symbol: takes its lock, does what was due before, and makes the changes.
-- Locks: the symbol, accounts. Writes and raises: as matching.set_status.
create or replace function matching.change_status(
  p_symbol_id int,
  p_status reference.symbol_status_enum,
  p_reason text,
  p_now timestamptz,
  p_auction interval default null
) returns void
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_state matching.symbol_state;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  perform matching.make_changes(v_symbol.segment_id, matching.set_status(
    v_symbol, v_state, p_status, p_reason, greatest(p_now, v_state.last_at), p_auction
  ));
end;
$$;
comment on function matching.change_status is 'sets the status of a symbol';
