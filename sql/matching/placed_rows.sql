-- The orders that a batch placed, as they stood right after their own command: the first answer.
-- From memory: reads nothing but names. n is the number of the command.
create or replace function matching.placed_rows(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns table (
  n int,
  order_row matching.order_row
)
language plpgsql stable
set enable_nestloop = off
as $$
declare
  v_outcome matching.outcome := p_executed.outcome;
begin
  return query
  select
    e.n::int,
    row(
      e.order_id, c.client_id, p_symbol.symbol, c.side, c.type, c.time_in_force,
      trim_scale(c.price), trim_scale(c.quantity), c.client_order_id, c.idempotency_key,
      matching.status_of(
        case when e.kind = 'OPENED' then e.remaining else 0 end, coalesce(f.filled, 0), e.reason,
        e.refusal
      ),
      null, e.reason, e.refusal, trim_scale(coalesce(f.filled, 0)),
      trim_scale(case when e.kind = 'OPENED' then e.remaining else 0 end),
      matching.average_price(f.notional, f.filled), trim_scale(coalesce(f.fee, 0)), e.seq,
      p_executed.executed_at, p_executed.executed_at, coalesce(f.fills, '[]')
    )::matching.order_row
  from unnest(
    v_outcome.order_ids, v_outcome.seqs, v_outcome.kinds, v_outcome.lefts, v_outcome.reasons,
    v_outcome.refusals
  ) with ordinality as e (order_id, seq, kind, remaining, reason, refusal, n)
  join unnest(p_commands) with ordinality as c (
    op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
    order_id, n
  )
    on c.n = e.n
  left join (
    select
      t.taker_order_id, sum(t.quantity) as filled, sum(t.price * t.quantity) as notional,
      sum(t.taker_fee) as fee,
      json_agg(matching.fill_json(
        p_symbol.symbol_id * 1000000000000 + t.seq, t.price, t.quantity, t.taker_fee, true
      ) order by t.seq) as fills
    from matching.fills(v_outcome) as t
    join unnest((p_executed.batch).order_ids, v_outcome.seqs) as b (order_id, seq)
      on b.order_id = t.taker_order_id
    where t.seq < b.seq  -- what it took later, amended in the same batch, is no part of its answer
    group by t.taker_order_id
  ) as f
    on f.taker_order_id = e.order_id
  where c.op = 'PLACE'
    and e.kind is not null;
end;
$$;
comment on function matching.placed_rows is
  'the orders that a batch placed, right after their own command';
