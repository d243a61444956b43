-- Busts against their facts: each is told by one event that names its trade, and each such event is
-- of one; what took a trade's place is it at the price that was asked for, and is told as that;
-- nothing of a busted trade is still to settle, and what of it was final is what its reversal gives
-- back. Returns what differs. Reads only.
create or replace function ops.audit_busts() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'bust event', coalesce(b.bust_id::text, e.symbol_id || ' ' || e.seq), b.terms, e.terms
  from (
    select
      w.segment_id, w.symbol_id, w.seq + k.n as seq, w.bust_id,
      concat_ws(' ', k.kind, w.trade_id, t.taker_order_id, t.maker_order_id, t.taker_side,
        trim_scale(k.price), trim_scale(t.quantity::numeric)) as terms
    from matching.trade_busts as w
    left join matching.trades as t
      on t.segment_id = w.segment_id
      and t.trade_id = w.trade_id
    cross join lateral (
      values (0, 'BUST', t.price::numeric), (1, 'CORRECTED', w.new_price)
    ) as k (n, kind, price)
    where w.status = 'DONE'
      and k.n <= num_nonnulls(w.new_price)
  ) as b
  full join (
    select
      v.segment_id, v.symbol_id, v.seq,
      concat_ws(' ', v.kind, v.trade_id, v.order_id, v.maker_order_id, v.side, trim_scale(v.price),
        trim_scale(v.quantity)) as terms
    from matching.events as v
    where v.kind in ('BUST', 'CORRECTED')
  ) as e
    on e.segment_id = b.segment_id
    and e.symbol_id = b.symbol_id
    and e.seq = b.seq
  where b.terms is distinct from e.terms
  union all
  select 'busted trade to settle', i.instruction_id::text, i.status::text, 'CANCELLED'
  from matching.busted_trades as b
  join settlement.instructions as i
    on i.segment_id = b.segment_id
    and i.instruction_id = b.trade_id
  where i.status not in ('SETTLED', 'CANCELLED')
  union all
  select 'bust reversal', coalesce(f.instruction_id, r.instruction_id)::text, r.terms, f.terms
  from (
    select
      v.segment_id, v.instruction_id,
      concat_ws(' ', i.seller_id, i.buyer_id, trim_scale(i.quantity::numeric),
        trim_scale(i.notional::numeric), trim_scale(-i.seller_fee::numeric),
        trim_scale(-i.buyer_fee::numeric)) as terms
    from settlement.reversals as v
    left join settlement.instructions as i
      on i.segment_id = v.segment_id
      and i.instruction_id = v.reversal_id
  ) as r
  full join ops.busted_finals() as f
    on f.segment_id = r.segment_id
    and f.instruction_id = r.instruction_id
  where f.terms is distinct from r.terms
$$;
comment on function ops.audit_busts is 'busts against their facts; returns what differs';
