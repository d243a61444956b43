-- Closed periods against their facts: what was kept of each account at the end is what was posted
-- before it; nothing was posted into it since; the segment is closed up to the end of the last one.
-- Returns what differs. Reads only.
create or replace function ops.audit_periods() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with standing as (
    select p.* from ledger.periods as p where p.reopened_at is null
  )
  select
    'period balance',
    concat_ws(' ', x.period_no, x.participant_id, x.asset_id), x.kept::text, x.derived::text
  from (
    select
      b.period_no, b.participant_id, b.asset_id, sum(b.kept) as kept, sum(b.derived) as derived
    from (
      select k.segment_id, k.period_no, k.participant_id, k.asset_id, k.posted, 0.0
      from ledger.period_balances as k
      union all
      select p.segment_id, p.period_no, e.participant_id, e.asset_id, 0, e.amount
      from standing as p
      join ledger.entries as e
        on e.segment_id = p.segment_id
        and e.posted_at < p.ends_at
      where p.sealed_at is not null
    ) as b (segment_id, period_no, participant_id, asset_id, kept, derived)
    join standing as s
      on s.segment_id = b.segment_id
      and s.period_no = b.period_no
    group by b.segment_id, b.period_no, b.participant_id, b.asset_id
  ) as x
  where x.kept <> x.derived
  union all
  select 'posted into a closed period', j.journal_id::text, j.posted_at::text, p.ends_at::text
  from standing as p
  join ledger.journals as j
    on j.segment_id = p.segment_id
    and j.finality_no > p.last_finality_no
    and least(j.posted_at, j.effective_at) < p.ends_at
  union all
  select 'closed until', s.segment_id::text, s.closed_until::text, c.ends_at::text
  from ledger.segment_state as s
  cross join lateral (
    select coalesce(max(p.ends_at), '-infinity') as ends_at
    from standing as p
    where p.segment_id = s.segment_id
  ) as c
  where s.closed_until <> c.ends_at
$$;
comment on function ops.audit_periods is 'closed periods against their facts; what differs';
