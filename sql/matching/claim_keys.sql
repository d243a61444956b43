-- Claims the keys of a batch's orders. A key that stands already makes its command a repeat, which
-- is answered with the first answer, or, when it asks for something else, refuses it [MAT-020].
-- Another transaction that claims the same key is waited for: whoever is first is the order.
-- Keys are claimed in their order, so that two batches cannot wait for each other in a ring.
-- Returns the batch with repeat_of and refusals filled in. Writes: matching.order_keys.
create or replace function matching.claim_keys(
  p_segment_id int,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  v_key record;
begin
  -- Nearly always all keys are new, and a plain insert takes half the time of one that looks for
  -- conflicts (7 ms against 13 for 2,000).
  begin
    insert into matching.order_keys (
      segment_id, participant_id, kind, client_key, order_id, fingerprint, created_at
    )
    select p_segment_id, w.owner_id, w.kind, w.client_key, w.order_id, w.fingerprint, p_now
    from matching.wanted_keys(p_commands, p_batch) as w
    order by w.owner_id, w.kind, w.client_key, w.n;
    return p_batch;
  exception when unique_violation then
    insert into matching.order_keys (
      segment_id, participant_id, kind, client_key, order_id, fingerprint, created_at
    )
    select p_segment_id, w.owner_id, w.kind, w.client_key, w.order_id, w.fingerprint, p_now
    from matching.wanted_keys(p_commands, p_batch) as w
    order by w.owner_id, w.kind, w.client_key, w.n
    on conflict do nothing;
  end;

  for v_key in
    select
      w.n, w.owner_id, w.order_id, k.order_id as first_id, k.fingerprint = w.fingerprint as same
    from matching.wanted_keys(p_commands, p_batch) as w
    cross join lateral (
      select o.order_id, o.fingerprint
      from matching.order_keys as o
      where o.segment_id = p_segment_id
        and o.participant_id = w.owner_id
        and o.kind = w.kind
        and o.client_key = w.client_key
    ) as k
    where k.order_id <> w.order_id
    order by w.n
  loop
    p_batch.repeat_of[v_key.n] := v_key.first_id;
    p_batch.refusals[v_key.n] := case
      when v_key.same then 'REPEATED'::matching.refusal
      else 'KEY_REUSED' end;

    -- Its other key, if it was new, would name an order that never comes to be.
    delete from matching.order_keys as k
    where k.segment_id = p_segment_id
      and k.participant_id = v_key.owner_id
      and k.order_id = v_key.order_id;
  end loop;
  return p_batch;
end;
$$;
comment on function matching.claim_keys is 'claims client keys; marks the commands that repeat one';
