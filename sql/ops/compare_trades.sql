-- Trades of a symbol against what else knows of them, by event number, behind p_after_seq up to
-- p_last_seq: each trade was told in one event, has its terms and has left one obligation, with its
-- terms, wherever that stands now [OPS-001]. All in one snapshot. Returns what differs: what stands
-- there, and what should. Reads only.
create or replace function ops.compare_trades(
  p_segment_id int,
  p_symbol_id int,
  p_after_seq bigint,
  p_last_seq bigint
) returns table (
  kind text,
  seq bigint,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with first as (
    select p_symbol_id * 1000000000000 as id
  ), traded as (
    select
      t.trade_id,
      concat_ws(' ', t.seq, t.traded_at, t.taker_order_id, t.taker_id, t.taker_side,
        t.maker_order_id, t.maker_id, trim_scale(t.price::numeric),
        trim_scale(t.quantity::numeric)) as terms,
      concat_ws(' ', case t.taker_side when 'BUY' then t.taker_id else t.maker_id end,
        case t.taker_side when 'BUY' then t.maker_id else t.taker_id end,
        trim_scale(t.quantity::numeric), trim_scale(t.price * t.quantity),
        trim_scale(case t.taker_side when 'BUY' then t.taker_fee else t.maker_fee end),
        trim_scale(case t.taker_side when 'BUY' then t.maker_fee else t.taker_fee end)) as owed
    from matching.trades as t
    where t.segment_id = p_segment_id
      and t.trade_id > (select f.id + p_after_seq from first as f)
      and t.trade_id <= (select f.id + p_last_seq from first as f)
  ), told as (
    select
      f.id + e.seq as trade_id,
      concat_ws(' ', e.seq, coalesce(r.traded_at, e.at), e.order_id, e.participant_id, e.side,
        e.maker_order_id, e.maker_id, trim_scale(e.price), trim_scale(e.quantity)) as terms
    from matching.events as e
    cross join first as f
    -- What takes the place of a trade has its time.
    left join matching.trades as r
      on e.kind = 'CORRECTED'
      and r.segment_id = e.segment_id
      and r.trade_id = e.trade_id
    where e.segment_id = p_segment_id
      and e.symbol_id = p_symbol_id
      and e.seq > p_after_seq
      and e.seq <= p_last_seq
      and e.kind in ('TRADE', 'CORRECTED')
  ), owed as (
    select
      i.instruction_id as trade_id, count(*) as n,
      string_agg(concat_ws(' ', i.buyer_id, i.seller_id, trim_scale(i.quantity::numeric),
        trim_scale(i.notional::numeric), trim_scale(i.buyer_fee::numeric),
        trim_scale(i.seller_fee::numeric)), '; ') as owed
    from settlement.instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id > (select f.id + p_after_seq from first as f)
      and i.instruction_id <= (select f.id + p_last_seq from first as f)
    group by i.instruction_id
  )
  select c.kind, x.trade_id - f.id, x.trade_id::text,
    case when c.kind like 'OBLIGATION%' then x.owed else x.terms end,
    case when c.kind like 'OBLIGATION%' then x.owing else x.told end
  from (
    select trade_id, t.terms, t.owed as owing, e.terms as told, o.owed, o.n
    from traded as t
    full join told as e using (trade_id)
    full join owed as o using (trade_id)
  ) as x
  cross join first as f
  cross join lateral ops.trade_break(x.terms, x.told, x.owing, x.owed, x.n) as c (kind)
  where c.kind is not null
$$;
comment on function ops.compare_trades is
  'trades of a symbol against their events and obligations; what differs';
