-- Runs an entry of the command log again, in a place of ops.open_replay: a batch, or a price from
-- outside. Takes what the entry before fired, which then are the commands of this one: so that it
-- is tried, too, and not taken from the log.
-- Returns what fired; null when the entry does not begin or end with the number that it should.
-- Writes: all that a batch writes, but the log.
create or replace function ops.replay_entry(
  p_place reference.symbols,
  p_entry matching.command_log,
  p_fired matching.command[]
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_place reference.symbols;
  v_state matching.symbol_state;
  v_fired matching.command[] := '{}';
begin
  select (jsonb_populate_record(p_place, t.terms
    - '{segment_id,symbol_id,symbol,netting_set}'::text[])).*
  into strict v_place
  from matching.symbol_terms as t
  where t.segment_id = p_entry.segment_id
    and t.symbol_id = p_entry.symbol_id
    and t.terms_hash = p_entry.terms_hash;
  v_state := matching.lock_symbol(p_place.segment_id, p_place.symbol_id);
  if v_state.last_seq + 1 <> p_entry.first_seq then
    return null;
  end if;

  if p_entry.kind = 'BATCH' then
    perform ops.replay_batch(v_place, p_entry, case when p_fired <> '{}' then p_fired
      else ops.replayed_commands(p_entry.commands, v_place.symbol_id) end);
  else
    v_fired := matching.take_price(v_place, v_state, p_entry.source, p_entry.price, p_entry.at);
  end if;

  if p_entry.last_seq <> (
    select s.last_seq
    from matching.symbol_state as s
    where s.segment_id = p_place.segment_id
      and s.symbol_id = p_place.symbol_id
  ) then
    return null;
  end if;
  return v_fired;
end;
$$;
comment on function ops.replay_entry is 'runs an entry of the command log again';
