-- Settlements against their facts: each trade has exactly one instruction, of the same parties and
-- amounts; each settled one has exactly its transfers, in the journal that settled it, a pending
-- one none. Returns what differs. Reads only.
create or replace function ops.audit_settlements() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'trade instruction', coalesce(t.trade_id, i.instruction_id)::text, i.terms, t.terms
  from (
    select
      d.segment_id, d.trade_id,
      concat_ws(' ', case d.taker_side when 'BUY' then d.taker_id else d.maker_id end,
        case d.taker_side when 'BUY' then d.maker_id else d.taker_id end,
        trim_scale(d.quantity::numeric), trim_scale(d.price * d.quantity),
        trim_scale(case d.taker_side when 'BUY' then d.taker_fee else d.maker_fee end),
        trim_scale(case d.taker_side when 'BUY' then d.maker_fee else d.taker_fee end)) as terms
    from matching.trades as d
  ) as t
  full join (
    select
      n.segment_id, n.instruction_id,
      concat_ws(' ', n.buyer_id, n.seller_id, trim_scale(n.quantity::numeric),
        trim_scale(n.notional), trim_scale(n.buyer_fee), trim_scale(n.seller_fee)) as terms
    from settlement.instructions as n
    where n.instruction_id > 1000000000000
  ) as i
    on i.segment_id = t.segment_id
    and i.instruction_id = t.trade_id
  where i.terms is distinct from t.terms
  union all
  select 'instruction settled once', i.instruction_id::text, count(*)::text, '1'
  from settlement.instructions as i
  group by i.segment_id, i.instruction_id
  having count(*) > 1
  union all
  select 'settlement transfers', coalesce(x.instruction_id, s.instruction_id)::text, x.amounts,
    s.amounts
  from (
    select
      t.segment_id, t.instruction_id,
      string_agg(concat_ws(' ', t.journal_id, t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, trim_scale(t.amount::numeric)), ', '
        order by t.journal_id, t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, t.amount) as amounts
    from ledger.transfers as t
    where t.instruction_id is not null
      and not exists (
        select
        from clearing.windows as w
        where w.segment_id = t.segment_id
          and w.journal_id = t.journal_id
      )
    group by t.segment_id, t.instruction_id
  ) as x
  full join (
    select
      i.segment_id, k.instruction_id,
      string_agg(concat_ws(' ', i.journal_id, k.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by i.journal_id, k.kind, l.asset_id, l.debit_id,
        l.credit_id, l.amount) as amounts
    from settlement.postings as i
    left join settlement.reversals as r
      on r.segment_id = i.segment_id
      and r.reversal_id = i.instruction_id
    cross join lateral settlement.legs(
      i.base_asset_id, i.quote_asset_id, i.buyer_id, i.seller_id, i.quantity, i.notional,
      i.buyer_fee, i.seller_fee
    ) as l
    cross join lateral (
      select coalesce(r.instruction_id, i.instruction_id) as instruction_id,
        case when r.reversal_id is null then l.kind else 'REVERSAL' end as kind
    ) as k
    group by i.segment_id, k.instruction_id
  ) as s
    on s.segment_id = x.segment_id
    and s.instruction_id = x.instruction_id
  where x.amounts is distinct from s.amounts
$$;
comment on function ops.audit_settlements is
  'settlements against their facts; returns what differs';
