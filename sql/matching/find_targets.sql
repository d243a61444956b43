-- Finds the orders that a batch cancels, amends or releases, by order id or by the owner's client
-- order id, among the batch's own orders and those that rest or are parked; the latter get slots
-- behind the commands' own, and so do those that share a hold with one that changes. What cannot be
-- found, is somebody else's or had ended before the batch refuses the command.
-- Call it under the lock of the symbol. Reads only; returns the batch with target_ids, targets,
-- found, and the refusals and prices of amendments.
create or replace function matching.find_targets(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
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
    select a.op, a.order_id, a.client_order_id, o.owner_id, o.n
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as a
    join unnest(p_batch.owner_ids) with ordinality as o (owner_id, n)
      on o.n = a.n
  ) as c;

  p_batch.found := matching.read_orders(
    p_symbol, case when p_batch.has_amendments
      then matching.with_siblings(p_symbol, p_batch.target_ids)
      else array(select distinct i.id from unnest(p_batch.target_ids) as i (id)) end
  );

  select
    array_agg(t.slot order by t.n), array_agg(t.refusal order by t.n),
    array_agg(case when t.is_buy then -abs(t.price) else t.price end order by t.n)
  into p_batch.targets, p_batch.refusals, p_batch.sort_prices
  from (
    select
      b.n, s.slot, coalesce(s.is_buy, a.side = 'BUY') as is_buy, b.price,
      case
        when b.refusal is not null or a.op = 'PLACE' then b.refusal
        when s.slot is null then matching.refuse_ended(p_symbol, a.op, b.order_id, b.owner_id)
        when b.owner_id <> s.owner_id then 'UNKNOWN_ORDER'
      end as refusal
    from unnest(p_batch.target_ids, p_batch.refusals, p_batch.sort_prices, p_batch.owner_ids)
      with ordinality as b (order_id, refusal, price, owner_id, n)
    join (
      select u.op, u.side, row_number() over () as n from unnest(p_commands) as u
    ) as a
      on a.n = b.n
    left join matching.named_orders(p_commands, p_batch) as s
      on s.order_id = b.order_id
  ) as t;
  if p_batch.has_amendments then  -- behind the commands' own: they are not to be met twice
    p_batch.target_ids := p_batch.target_ids || array(
      select f.order_id from unnest((p_batch.found).slots) as f where f.list_id is not null
    );
  end if;
  return p_batch;
end;
$$;
comment on function matching.find_targets is 'finds the orders that a batch cancels or amends';
