-- Finds the orders that a batch cancels or amends, by order id or by the owner's client order id,
-- among the batch's own orders and in the book, and gives each of the latter a slot behind the
-- commands' own. What cannot be found, is somebody else's or has ended refuses the command.
-- Call it under the lock of the symbol. Reads only; returns the batch.
create or replace function matching.find_targets(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_count int := cardinality(p_batch.ops);
  v_found matching.slots;
begin
  select array_agg(
    coalesce(c.order_id, (
      select k.order_id
      from matching.order_keys as k
      where k.segment_id = p_symbol.segment_id
        and k.participant_id = c.owner_id
        and k.kind = 'C'
        and k.client_key = c.client_order_id
        and c.op <> 'PLACE'
    )) order by c.n
  )
  into p_batch.target_ids
  from (
    select a.op, a.order_id, a.client_order_id, o.owner_id, a.n
    from unnest(p_commands) with ordinality as a (
      op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
      order_id, n
    )
    join unnest((p_batch.slots).owner_id) with ordinality as o (owner_id, n)
      on o.n = a.n
  ) as c;

  v_found := matching.read_orders(
    p_symbol, array(select distinct i.id from unnest(p_batch.target_ids) as i (id))
  );

  select
    array_agg(t.slot order by t.n), array_agg(t.refusal order by t.n),
    array_agg(case when t.is_buy then -abs(t.price) else t.price end order by t.n)
  into p_batch.targets, p_batch.refusals, p_batch.sort_prices
  from (
    select
      c.n, s.slot, s.is_buy, b.price,
      case
        when b.refusal is not null or b.op = 'PLACE' then b.refusal
        when s.slot is null then matching.refuse_ended(p_symbol, b.op, c.order_id, b.owner_id)
        when b.owner_id <> s.owner_id then 'UNKNOWN_ORDER'
        when b.op = 'AMEND' then matching.refuse_command(
          p_symbol, b.op, null, null, coalesce(b.price, s.price),
          coalesce(b.quantity, s.quantity)
        )
      end as refusal
    from unnest(p_batch.target_ids) with ordinality as c (order_id, n)
    join unnest(
      p_batch.ops, p_batch.refusals, p_batch.sort_prices, p_batch.quantities,
      (p_batch.slots).owner_id
    ) with ordinality as b (op, refusal, price, quantity, owner_id, n)
      on b.n = c.n
    left join (
      select o.order_id, o.n as slot, o.is_buy, abs(o.price) as price, o.quantity, o.owner_id
      from unnest(
        p_batch.order_ids, p_batch.is_buy, p_batch.sort_prices, p_batch.quantities,
        (p_batch.slots).owner_id
      ) with ordinality as o (order_id, is_buy, price, quantity, owner_id, n)
      union all
      select o.order_id, v_count + o.n, o.price < 0, abs(o.price), o.quantity, o.owner_id
      from unnest(v_found.order_id, v_found.sort_price, v_found.quantity, v_found.owner_id)
        with ordinality as o (order_id, price, quantity, owner_id, n)
    ) as s
      on s.order_id = c.order_id
  ) as t;

  p_batch.slots := matching.append_slots(p_batch.slots, v_found);
  return p_batch;
end;
$$;
comment on function matching.find_targets is 'finds the orders that a batch cancels or amends';
