-- The answers to the commands of a batch that placed an order, as it stood right after its own
-- command: the first answer. From memory: reads nothing.
create or replace function matching.placed_answers(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns setof matching.command_answer
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_outcome matching.outcome := p_executed.outcome;
begin
  return query
  select
    e.n::int, x.state, x.code, x.detail, x.field, x.bound, e.order_id, c.client_id, p_symbol.symbol,
    c.side, c.type, c.time_in_force, trim_scale(c.price), trim_scale(c.quantity), c.client_order_id,
    c.idempotency_key,
    matching.status_of(e.resting, coalesce(f.filled, 0), e.reason, e.refusal),
    null::matching.pending_reason, e.reason, e.refusal, trim_scale(coalesce(f.filled, 0)),
    trim_scale(e.resting), matching.average_price(f.notional, f.filled),
    trim_scale(coalesce(f.fee, 0)), e.seq, p_executed.executed_at, p_executed.executed_at,
    coalesce(f.fills, '[]')
  from (
    select
      a.order_id, a.seq, a.reason, a.refusal, a.n,
      case when a.kind = 'OPENED' then a.remaining else 0 end as resting
    from unnest(
      (p_executed.batch).order_ids, v_outcome.seqs, v_outcome.kinds, v_outcome.lefts,
      v_outcome.reasons, v_outcome.refusals
    ) with ordinality as a (order_id, seq, kind, remaining, reason, refusal, n)
    where a.order_id is not null
      and a.kind is not null
  ) as e
  join unnest(p_commands) with ordinality as c (
    op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
    order_id, n
  )
    on c.n = e.n
  left join matching.explain_refusals(p_symbol, v_outcome.refusals) as x
    on x.refusal = e.refusal
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
    on f.taker_order_id = e.order_id;
end;
$$;
comment on function matching.placed_answers is
  'the answers to the commands that placed an order, right after their own command';
