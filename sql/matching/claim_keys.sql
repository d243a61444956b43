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
  v_first matching.order_keys;
begin
  for v_key in
    with wanted as (
      select
        o.owner_id, k.kind, k.client_key, o.order_id, c.n,
        hash_numeric_extended(
          coalesce(c.price, 0), hash_numeric_extended(c.quantity, hashtextextended(concat_ws(
            ' ', c.side, c.type, c.time_in_force, o.order_id / 1000000000000, c.client_order_id
          ), 0))
        ) as fingerprint
      from unnest(p_commands) with ordinality as c (
        op, client_id, side, type, time_in_force, price, quantity, client_order_id,
        idempotency_key, order_id, n
      )
      join unnest(p_batch.order_ids, (p_batch.slots).owner_id) with ordinality
        as o (order_id, owner_id, n)
        on o.n = c.n
      cross join lateral (
        values ('I'::"char", c.idempotency_key), ('C', c.client_order_id)
      ) as k (kind, client_key)
      where o.order_id is not null
        and k.client_key is not null
    ), claimed as (
      insert into matching.order_keys (
        segment_id, participant_id, kind, client_key, order_id, fingerprint, created_at
      )
      select p_segment_id, w.owner_id, w.kind, w.client_key, w.order_id, w.fingerprint, p_now
      from wanted as w
      order by w.owner_id, w.kind, w.client_key, w.n
      on conflict do nothing
      returning order_id, kind
    )
    select w.n, w.owner_id, w.kind, w.client_key, w.order_id, w.fingerprint
    from wanted as w
    where not exists (
      select from claimed as c where c.order_id = w.order_id and c.kind = w.kind
    )
    order by w.n
  loop
    select k.* into strict v_first
    from matching.order_keys as k
    where k.segment_id = p_segment_id
      and k.participant_id = v_key.owner_id
      and k.kind = v_key.kind
      and k.client_key = v_key.client_key;

    p_batch.repeat_of[v_key.n] := v_first.order_id;
    p_batch.refusals[v_key.n] := case
      when v_first.fingerprint = v_key.fingerprint then 'REPEATED'::matching.refusal
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
