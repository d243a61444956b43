-- What each order that a batch placed took by its own command: quantity in base, notional and fee
-- in quote, and the fills as the outside sees them. What it took later, amended in the same batch,
-- is no part of it. Reads nothing.
create or replace function matching.taker_fills(
  p_symbol reference.symbols,
  p_executed matching.executed
) returns table (
  order_id bigint,
  filled numeric,
  notional numeric,
  fee numeric,
  fills json
)
language sql stable
rows 1000
as $$
  select
    t.taker_order_id, sum(t.quantity), sum(t.price * t.quantity), sum(t.taker_fee),
    json_agg(matching.fill_json(
      p_symbol.symbol_id * 1000000000000 + t.seq, t.price, t.quantity, t.taker_fee, true
    ) order by t.seq)
  from unnest((p_executed.outcome).fills) as t
  join (
    select i.order_id, k.seq
    from unnest((p_executed.batch).order_ids) with ordinality as i (order_id, n)
    join (
      select u.seq, row_number() over () as n
      from unnest((p_executed.outcome).closings) as u
    ) as k
      on k.n = i.n
  ) as b
    on b.order_id = t.taker_order_id
    and t.seq < b.seq
  group by t.taker_order_id
$$;
comment on function matching.taker_fills is
  'what each order that a batch placed took by its own command';
