-- Balances against their facts: posted = the sum of the account's entries; held = the sum of the
-- holds with a cause; unsettled in and out = what pending instructions will move; each asset sums
-- to zero. Returns what differs. Reads only.
create or replace function ops.audit_balances() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with derived as (
    select
      d.segment_id, d.participant_id, d.asset_id, sum(d.posted) as posted, sum(d.held) as held,
      sum(d.due_in) as due_in, sum(d.due_out) as due_out
    from (
      select e.segment_id, e.participant_id, e.asset_id, e.amount, 0.0, 0.0, 0.0
      from ledger.entries as e
      union all
      select h.segment_id, h.participant_id, h.asset_id, 0, h.amount, 0,
        case when h.cause = 'SETTLEMENT' then h.amount else 0 end
      from ops.v_holds as h
      union all
      select i.segment_id, i.buyer_id, i.base_asset_id, 0, 0, i.quantity, 0
      from settlement.prefunded as i
      union all
      select i.segment_id, i.seller_id, i.quote_asset_id, 0, 0, i.notional - i.seller_fee, 0
      from settlement.prefunded as i
    ) as d (segment_id, participant_id, asset_id, posted, held, due_in, due_out)
    group by d.segment_id, d.participant_id, d.asset_id
  ), compared as (
    select
      coalesce(a.segment_id, d.segment_id) as segment_id,
      coalesce(a.participant_id, d.participant_id) as participant_id,
      coalesce(a.asset_id, d.asset_id) as asset_id,
      v.check_name, coalesce(v.kept, 0) as kept, coalesce(v.derived, 0) as derived
    from ledger.accounts as a
    full join derived as d
      on d.segment_id = a.segment_id
      and d.participant_id = a.participant_id
      and d.asset_id = a.asset_id
    cross join lateral (
      values
        ('balance posted', a.posted::numeric, d.posted),
        ('balance held', a.held, d.held),
        ('balance unsettled_in', a.unsettled_in, d.due_in),
        ('balance unsettled_out', a.unsettled_out, d.due_out)
    ) as v (check_name, kept, derived)
  )
  select c.check_name, p.client_id || ' ' || s.asset, c.kept::text, c.derived::text
  from compared as c
  join reference.participants as p
    on p.participant_id = c.participant_id
  join reference.assets as s
    on s.asset_id = c.asset_id
  where c.kept <> c.derived
  union all
  select 'asset sums to zero', s.asset, sum(a.posted)::text, '0'
  from ledger.accounts as a
  join reference.assets as s
    on s.asset_id = a.asset_id
  group by a.segment_id, s.asset
  having sum(a.posted) <> 0
$$;
comment on function ops.audit_balances is 'balances against their facts; returns what differs';
