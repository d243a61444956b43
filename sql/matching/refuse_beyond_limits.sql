-- Refuses the commands of a batch that go beyond what the symbol allows a participant: a limit
-- price outside the collar [MAT-061], more open orders [MAT-062] or a larger position [MAT-063].
-- Each is held against what stands and what came before it in the batch. Called before the lock, so
-- that such an order waits for nobody, and again under it, so that two batches cannot break a limit
-- together. When an order of a list is refused, all are [MAT-053].
-- Returns the batch with its refusals, and in bounds what was gone beyond where that is not a
-- column of the symbol. Reads only.
create or replace function matching.refuse_beyond_limits(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  v_command record;
  v_owner_id int;
  v_orders bigint;
  v_owned numeric;
  v_bound numeric;
  v_refusal matching.refusal;
begin
  for v_command in
    with c as materialized (
      select o.*, null::bigint as placed_n
      from matching.limited_orders(p_symbol, p_commands, p_batch) as o
      union all
      select h.*, h.n, null
      from matching.limited_changes(p_symbol, p_now, p_commands, p_batch) as h
      union all
      select a.n, a.owner_id, a.is_buy, a.price, a.near_price, a.adds_orders, a.adds_quantity, a.n,
        a.placed_n
      from matching.limited_amendments(p_symbol, p_commands, p_batch) as a
    )
    select c.*, coalesce(c.near_price, s.last_price) as near, e.open_orders, e.owned
    from c
    join (
      select o.owner_id, x.*
      from (select distinct c.owner_id from c) as o
      cross join lateral matching.exposure(p_symbol, o.owner_id) as x
    ) as e
      on e.owner_id = c.owner_id
    join matching.symbol_state as s
      on s.segment_id = p_symbol.segment_id
      and s.symbol_id = p_symbol.symbol_id
    order by c.owner_id, c.n
  loop
    if v_command.owner_id is distinct from v_owner_id then
      v_owner_id := v_command.owner_id;
      v_orders := v_command.open_orders;
      v_owned := v_command.owned;
    end if;
    continue when v_command.first_n < v_command.n
      and p_batch.refusals[v_command.first_n] is null;
    continue when p_batch.refusals[v_command.placed_n] is not null;

    v_bound := matching.collar_bound(p_symbol, v_command.is_buy, v_command.near);
    v_refusal := case
      when v_command.is_buy and v_command.price > v_bound
        or not v_command.is_buy and v_command.price < v_bound then 'PRICE_COLLAR'
      when v_command.adds_orders > 0 and v_orders >= p_symbol.max_open_orders
        then 'MAX_OPEN_ORDERS'
      when v_command.adds_quantity > 0
        and v_owned + v_command.adds_quantity > p_symbol.max_position then 'MAX_POSITION' end;
    if v_refusal is null then
      v_orders := v_orders + v_command.adds_orders;
      v_owned := v_owned + coalesce(v_command.adds_quantity, 0);
    else
      p_batch.refusals[v_command.n] := v_refusal;
      p_batch.bounds[v_command.n] := case when v_refusal = 'PRICE_COLLAR' then v_bound end;
    end if;
  end loop;
  if exists (select from unnest(p_commands) as c where c.list_no is not null) then
    p_batch.refusals := matching.refuse_lists(p_commands, p_batch.refusals);
  end if;
  return p_batch;
end;
$$;
comment on function matching.refuse_beyond_limits is
  'refuses what goes beyond what a symbol allows a participant';
