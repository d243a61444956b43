-- What the cancels and amendments of a batch mean for the limits of a symbol, as
-- matching.limited_orders says it of new orders. A cancel takes away where nothing can make it
-- fail: not twice, of a list once, not under a condition, and not out of a call, which may have
-- locked it. An order without a limit has no price to hold against the collar.
-- Reads only.
create or replace function matching.limited_changes(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  is_buy boolean,
  price numeric,
  near_price numeric,
  adds_orders int,
  adds_quantity numeric
)
language sql stable
as $$
  select
    c.n, o.participant_id, o.side = 'BUY',
    case when w.type in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP') then null else c.price end,
    w.stop_price, case when c.op = 'CANCEL' then -1 else 0 end,
    case
      when o.side <> 'BUY' then 0
      when c.op = 'CANCEL' then -o.remaining
      else greatest(c.quantity - o.quantity, 0) end
  from (
    select
      u.*, b.owner_id, t.id,
      row_number() over (partition by coalesce(l.list_id, t.id), u.op order by u.n) as time_no
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as u
    join unnest(p_batch.owner_ids, p_batch.refusals) with ordinality as b (owner_id, refusal, n)
      on b.n = u.n
    cross join lateral (
      select coalesce(u.order_id, (
        select k.order_id
        from matching.order_keys as k
        where k.segment_id = p_symbol.segment_id
          and k.participant_id = b.owner_id
          and k.kind = 'C'
          and k.client_key = u.client_order_id
      )) as id
    ) as t
    left join lateral (
      select b.list_id
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.order_id = t.id
      union all
      select k.list_id
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.order_id = t.id
    ) as l
      on true
    where u.op in ('CANCEL', 'AMEND')
      and b.refusal is null
  ) as c
  cross join lateral matching.standing_order(p_symbol, c.id) as o
  left join matching.stop_orders_watchlist as w
    on w.segment_id = p_symbol.segment_id
    and w.order_id = c.id
  where o.participant_id = coalesce(c.owner_id, o.participant_id)
    and (c.op = 'AMEND' or c.time_no = 1 and c.only_if is null
      and (c.deadline > p_now or c.deadline is null)
      and exists (
        select from matching.symbol_state as s
        where s.segment_id = p_symbol.segment_id
          and s.symbol_id = p_symbol.symbol_id
          and s.phase = 'CONTINUOUS'
      ))
$$;
comment on function matching.limited_changes is
  'what cancels and amendments of a batch mean for the limits of a symbol';
