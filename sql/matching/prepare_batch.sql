-- Makes a parsed batch ready to match: order ids for what passed the filters, keys claimed, the
-- orders it names found, its parties numbered. Under the lock of the symbol.
-- Returns the batch. Writes: matching.order_keys.
create or replace function matching.prepare_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_count int := cardinality(p_batch.ops);
  v_slots int;
  v_party_nos int[];
begin
  select array_agg(c.order_id order by c.n) into p_batch.order_ids
  from (
    select
      b.n,
      case when b.is_new then p_symbol.symbol_id * c_ids_per_symbol + p_state.last_order_no
        + count(*) filter (where b.is_new) over (order by b.n) end as order_id
    from (
      select a.n, a.op = 'PLACE' and a.refusal is null as is_new
      from unnest(p_batch.ops, p_batch.refusals) with ordinality as a (op, refusal, n)
    ) as b
  ) as c;
  p_batch.slots.order_id := p_batch.order_ids;
  p_batch.slots.created_at := array_fill(p_now, array[v_count]);
  p_batch.slots.priority_no := array_fill(0::bigint, array[v_count]);
  p_batch.slots.book_tid := array_fill(null::tid, array[v_count]);

  if exists (
    select from unnest(p_commands) as c
    where c.op = 'PLACE'
      and (c.idempotency_key is not null or c.client_order_id is not null)
  ) then
    p_batch := matching.claim_keys(p_symbol.segment_id, p_now, p_commands, p_batch);
  end if;

  if p_batch.ops && array['CANCEL', 'AMEND']::matching.operation[] then
    p_batch := matching.find_targets(p_symbol, p_commands, p_batch);
  end if;

  -- Parties are numbered in the order of their ids: the rank of an owner is its party's number.
  select array_agg(distinct o.owner_id) into p_batch.party_ids
  from unnest((p_batch.slots).owner_id) as o (owner_id)
  where o.owner_id is not null;

  select array_agg(r.party_no order by r.n) into v_party_nos
  from (
    select o.n, case when o.owner_id is not null then dense_rank() over (order by o.owner_id) end
      as party_no
    from unnest((p_batch.slots).owner_id) with ordinality as o (owner_id, n)
  ) as r;
  p_batch.slots.party_no := v_party_nos;

  -- The two empty slots from which the reading of each side of the book starts.
  v_slots := cardinality((p_batch.slots).order_id);
  p_batch.slots := matching.append_slots(
    p_batch.slots,
    row(
      array[0::bigint, 0], array[0, 0], array[null::int, null],
      array['-Infinity'::numeric, '-Infinity'], array[0::bigint, 0], array[0.0, 0], array[0.0, 0],
      array[0.0, 0], array[0.0, 0], array[0.0, 0], array[p_now, p_now],
      array[null::tid, null]
    )::matching.slots
  );
  return p_batch;
end;
$$;
comment on function matching.prepare_batch is 'makes a parsed batch ready to match';
