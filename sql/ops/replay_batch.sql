-- Runs a batch of the command log again, in a place of ops.open_replay: the commands with what was
-- refused of them before matching, with the funds that were read, at the time it was. Takes the
-- place as the symbol was then, and the first order id of the symbol that is replayed.
-- Writes: all that a batch writes, but the log.
create or replace function ops.replay_batch(
  p_place reference.symbols,
  p_entry matching.command_log,
  p_commands matching.command[]
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_first_id bigint := p_place.symbol_id * c_ids_per_symbol;
  v_batch matching.batch := matching.parse_commands(p_place, p_commands);
  v_state matching.symbol_state := matching.lock_symbol(p_place.segment_id, p_place.symbol_id);
  v_done matching.executed;
begin
  v_state.last_order_no := p_entry.first_order_no;
  v_batch.refusals := coalesce(p_entry.refusals, v_batch.refusals);
  v_batch.order_ids := case
    when p_entry.order_ids is null then array(
      select case when c.op = 'PLACE' then v_first_id + p_entry.first_order_no
        + count(*) filter (where c.op = 'PLACE') over (rows unbounded preceding) end
      from unnest(p_commands) as c
    )
    else array(select v_first_id + i.id % c_ids_per_symbol from unnest(p_entry.order_ids) as i (id))
  end;
  if v_batch.is_special then
    v_batch.asked := matching.source_terms(p_place, p_entry.at, p_commands, v_batch.asked);
  end if;
  v_batch := matching.bar_commands(p_place, v_state, p_entry.at, p_commands, v_batch);

  -- By these a later command names its order.
  insert into matching.order_keys (
    segment_id, participant_id, kind, client_key, order_id, fingerprint, created_at
  )
  select p_place.segment_id, w.owner_id, w.kind, w.client_key, w.order_id, 0, p_entry.at
  from matching.wanted_keys(p_commands, v_batch) as w
  where w.kind = 'C'
    and v_batch.refusals[w.n] is null
  on conflict do nothing;

  if (p_entry.plan).phase is not null then
    v_state.next_due_at := matching.due_at(p_place, v_state);  -- the status may be another one
  end if;
  v_done := matching.run_batch(
    p_place, v_state, p_entry.at, p_commands, v_batch, p_entry.plan, p_entry
  );
  if v_done.changes is not null then
    perform ledger.change_accounts(p_place.segment_id, v_done.changes);
  end if;
  perform matching.save_state(v_done.state);
end;
$$;
comment on function ops.replay_batch is 'runs a batch of the command log again';
