-- Takes a symbol into a phase now, after what was due before. Takes when it is to end, null for
-- when its calendar changes next (never, without one), what is to follow, null for what the
-- calendar says then, and the draw of a call, null for a random one.
-- Locks: the symbol, accounts. Writes: all that a batch writes.
-- Raises: STACT when the symbol is not active.
create or replace function matching.set_phase(
  p_symbol_id int,
  p_phase reference.symbol_phase,
  p_now timestamptz,
  p_reason text,
  p_until timestamptz default null,
  p_next reference.symbol_phase default null,
  p_draw numeric default null
) returns void
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_state matching.symbol_state;
  v_at timestamptz;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  if v_symbol.status <> 'ACTIVE' then
    raise exception '% is not active', v_symbol.symbol
      using errcode = 'STACT', hint = 'SYMBOL_NOT_ACTIVE', column = 'symbol';
  end if;

  v_at := greatest(p_now, v_state.last_at);
  perform matching.make_changes(
    v_symbol.segment_id, (matching.move_symbol(v_symbol, v_state, v_at, matching.plan_phase(
      v_symbol, p_phase, v_at, p_reason, p_until, p_next, p_draw
    ))).changes
  );
end;
$$;
comment on function matching.set_phase is 'takes a symbol into a phase now';
