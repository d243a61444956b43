-- Fees against their facts: each order was charged the sum of its trades by their rates, rounded
-- up once, what took the place of a trade by itself [LED-044], [BST-003]; each trade names the row
-- of the most specific schedule that was in force for its participant at its symbol, and was
-- charged that rate, or an order to buy less [LED-040], [LED-043]; the volumes of tiers are those
-- of the trades [LED-042]. Where a group has a schedule the row is not judged, because a symbol
-- may have been in another one: ops.verify_replay judges that, and the tier.
-- Returns what differs. Reads only.
create or replace function ops.audit_fees() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with sides as (
    select
      t.segment_id, t.trade_id, t.symbol_id, t.traded_at, t.price * t.quantity as notional, l.*
    from matching.trades as t
    cross join lateral (
      values
        (t.taker_order_id, t.taker_id, t.taker_fee, t.taker_rate, t.taker_fee_id,
          t.taker_side = 'BUY', true),
        (t.maker_order_id, t.maker_id, t.maker_fee, t.maker_rate, t.maker_fee_id,
          t.taker_side = 'SELL', false)
    ) as l (order_id, participant_id, fee, rate, fee_id, is_buy, is_taker)
  )
  select 'fee by rates', o.order_id::text, o.fee::text, w.due::text
  from (
    select
      d.symbol_id, d.order_id, sum(d.fee) as fee,
      sum(d.notional * coalesce(d.rate, case when d.is_taker then s.taker_rate
        else s.maker_rate end)) as exact_fee
    from sides as d
    join reference.symbols as s
      on s.symbol_id = d.symbol_id
    left join matching.busted_trades as b
      on b.segment_id = d.segment_id
      and b.replacement_id = d.trade_id
    group by d.symbol_id, d.order_id, b.replacement_id
  ) as o
  join reference.symbols as s
    on s.symbol_id = o.symbol_id
  cross join lateral (
    select ledger.round_up(o.exact_fee, reference.units_in_one(s.quote_decimals),
      reference.asset_unit(s.quote_decimals))
  ) as w (due)
  where o.fee <> w.due
  union all
  select 'fee row', concat_ws(' ', d.trade_id, case when d.is_taker then 'TAKER'
    else 'MAKER' end), concat_ws(' ', d.fee_id, trim_scale(d.rate)),
    concat_ws(' ', 'schedule', b.schedule_id, trim_scale(r.rate))
  from sides as d
  cross join lateral (
    select ops.fee_schedule_at(d.segment_id, d.symbol_id, d.participant_id, d.traded_at)
  ) as b (schedule_id)
  left join lateral (
    select u.schedule_id, case when d.is_taker then u.taker_rate else u.maker_rate end as rate
    from reference.fee_rates as u
    where u.segment_id = d.segment_id
      and u.fee_id = d.fee_id
  ) as r on true
  where exists (select from reference.fee_schedules as f where f.segment_id = d.segment_id)
    and not exists (
      select
      from reference.fee_schedules as f
      where f.segment_id = d.segment_id
        and f.group_id is not null
    )
    and (r.schedule_id is distinct from b.schedule_id
      or d.rate > r.rate
      or d.rate is distinct from r.rate and r.rate is not null and not d.is_buy)
  union all
  select v.* from ops.audit_volumes() as v
$$;
comment on function ops.audit_fees is 'fees against their facts; returns what differs';
