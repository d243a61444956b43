-- Settled windows against their facts: each account's net is the sum of the legs of the
-- instructions that the window took up, and what its journal posted; nets sum to zero. Returns what
-- differs. Reads only.
create or replace function ops.audit_windows() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with kept as (
    select n.segment_id, n.window_id, n.participant_id, n.asset_id, sum(n.amount) as amount
    from clearing.nets as n
    group by n.segment_id, n.window_id, n.participant_id, n.asset_id
  ), owed as (
    select c.segment_id, c.netted_into as window_id, f.participant_id, l.asset_id,
      sum(f.amount) as amount
    from settlement.cancelled_instructions as c
    cross join lateral settlement.legs(
      c.base_asset_id, c.quote_asset_id, c.buyer_id, c.seller_id, c.quantity, c.notional,
      c.buyer_fee, c.seller_fee
    ) as l
    cross join lateral (
      values (l.debit_id, -l.amount), (l.credit_id, l.amount)
    ) as f (participant_id, amount)
    where c.netted_into is not null
    group by c.segment_id, c.netted_into, f.participant_id, l.asset_id
  ), posted as (
    select e.segment_id, w.window_id, e.participant_id, e.asset_id, sum(e.amount) as amount
    from clearing.windows as w
    join ledger.entries as e
      on e.segment_id = w.segment_id
      and e.journal_id = w.journal_id
    group by e.segment_id, w.window_id, e.participant_id, e.asset_id
  )
  select 'window net', concat_ws(' ', x.window_id, x.participant_id, x.asset_id),
    x.kept::text, x.derived::text
  from (
    select window_id, participant_id, asset_id, coalesce(k.amount, 0) as kept,
      coalesce(o.amount, 0) as derived
    from kept as k
    full join owed as o using (segment_id, window_id, participant_id, asset_id)
  ) as x
  where x.kept <> x.derived
  union all
  select 'window posting', concat_ws(' ', y.window_id, y.participant_id, y.asset_id),
    y.kept::text, y.derived::text
  from (
    select window_id, participant_id, asset_id, coalesce(k.amount, 0) as kept,
      coalesce(p.amount, 0) as derived
    from kept as k
    full join posted as p using (segment_id, window_id, participant_id, asset_id)
  ) as y
  where y.kept <> y.derived
$$;
comment on function ops.audit_windows is 'settled windows against their facts; what differs';
