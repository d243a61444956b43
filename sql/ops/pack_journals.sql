-- What was posted in a closed period, a line each: the fees by asset and kind, all transfers by
-- kind of journal and asset, and what each account had at the end [LED-032]. Reads only.
create or replace function ops.pack_journals(
  p_segment_id int,
  p_period_no int
) returns table (
  section text,
  line text
)
language sql stable
as $$
  with posted as materialized (
    select
      j.kind as journal_kind, t.kind, s.asset,
      count(*) as transfers, sum(t.amount) as amount,
      count(*) filter (where reference.house_id() in (t.debit_participant_id,
        t.credit_participant_id)) as fees,
      sum(case reference.house_id()
        when t.credit_participant_id then t.amount
        when t.debit_participant_id then -t.amount
      end) as earned
    from ledger.periods as p
    join ledger.journals as j
      on j.segment_id = p.segment_id
      and j.finality_no <= p.last_finality_no
      and coalesce(j.effective_at, j.posted_at) >= p.starts_at
      and coalesce(j.effective_at, j.posted_at) < p.ends_at
    join ledger.transfers as t
      on t.segment_id = j.segment_id
      and t.journal_id = j.journal_id
      and t.posted_at = j.posted_at
    join reference.assets as s
      on s.asset_id = t.asset_id
    where p.segment_id = p_segment_id
      and p.period_no = p_period_no
    group by j.kind, t.kind, s.asset
  )
  select 'FEE', concat_ws(',', o.asset, o.kind, sum(o.fees), trim_scale(sum(o.earned)))
  from posted as o
  where o.fees > 0
  group by o.asset, o.kind
  union all
  select
    'TRANSFER',
    concat_ws(',', o.journal_kind, o.kind, o.asset, o.transfers, trim_scale(o.amount))
  from posted as o
  union all
  select 'BALANCE', concat_ws(',', s.asset, a.client_id, trim_scale(b.posted))
  from ledger.periods as p
  cross join lateral ledger.balances_as_of(
    p.segment_id, null, p.ends_at - interval '1 microsecond', p.closed_at
  ) as b
  join reference.assets as s
    on s.asset_id = b.asset_id
  join reference.participants as a
    on a.participant_id = b.participant_id
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no
    and b.posted <> 0
$$;
comment on function ops.pack_journals is 'what was posted in a closed period, a line each';
