-- The state of a symbol after a part of a batch: its counters and prices, how many orders wait for
-- the matcher, when something is due next, and its band. Reads only.
create or replace function matching.next_state(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_is_special boolean,
  p_outcome matching.outcome
) returns matching.symbol_state
language plpgsql volatile
as $$
declare
  v_state matching.symbol_state := p_state;
begin
  v_state.last_seq := p_outcome.last_seq;
  v_state.last_price := p_outcome.last_price;
  if p_state.pending_count > 0 or p_is_special
    and exists (select from unnest(p_outcome.asked) as a where a.pending = 'MATCH') then
    select count(*) into v_state.pending_count
    from matching.parked_orders as k
    where k.segment_id = p_symbol.segment_id
      and k.symbol_id = p_symbol.symbol_id
      and k.pending_reason = 'MATCH';
  end if;

  if p_state.next_due_at <= p_now then
    v_state.next_due_at := matching.due_at(p_symbol, v_state);
  end if;
  if p_is_special then
    select least(v_state.next_due_at, min(c.expire_at)) into v_state.next_due_at
    from unnest(p_commands) as c
    where c.expire_at > p_now;
  end if;
  if p_symbol.band_rate is not null or p_symbol.auction_extension_rate is not null then
    v_state := matching.roll_band(p_symbol, v_state, p_now, array(
      select f.price from unnest(p_outcome.fills) as f order by f.seq
    ));
  end if;
  return v_state;
end;
$$;
comment on function matching.next_state is 'the state of a symbol after a part of a batch';
