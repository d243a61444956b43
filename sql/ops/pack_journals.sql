-- What was posted in a closed period, a line each: the fees by asset and kind, all transfers by
-- kind of journal and asset, and what each account had at the end [LED-032]. Reads only.
create or replace function ops.pack_journals(
  p_segment_id int,
  p_period_no int
) returns table (
  section text,
  line text
)
language plpgsql stable
as $$
declare
  v_period ledger.periods;
begin
  select p.* into strict v_period
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no;

  return query
  with lines as (
    select j.kind as journal_kind, t.*
    from ledger.transfers as t
    join ledger.journals as j
      on j.segment_id = t.segment_id
      and j.journal_id = t.journal_id
    where t.segment_id = p_segment_id
      and t.posted_at >= v_period.starts_at
      and t.posted_at < v_period.ends_at
      and j.effective_at is null
      and j.finality_no <= v_period.last_finality_no
    union all
    -- What counts in the period, whenever it was posted.
    select j.kind, t.*
    from ledger.journals as j
    join ledger.transfers as t
      on t.segment_id = j.segment_id
      and t.journal_id = j.journal_id
      and t.posted_at = j.posted_at
    where j.segment_id = p_segment_id
      and j.effective_at >= v_period.starts_at
      and j.effective_at < v_period.ends_at
      and j.finality_no <= v_period.last_finality_no
  ), posted as materialized (
    select
      l.journal_kind, l.kind, s.asset, count(*) as transfers, sum(l.amount) as amount,
      count(*) filter (where reference.house_id() in (l.debit_participant_id,
        l.credit_participant_id)) as fees,
      sum(case reference.house_id()
        when l.credit_participant_id then l.amount
        when l.debit_participant_id then -l.amount
      end) as earned
    from lines as l
    join reference.assets as s
      on s.asset_id = l.asset_id
    group by l.journal_kind, l.kind, s.asset
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
  from ledger.balances_as_of(
    p_segment_id, null, v_period.ends_at - interval '1 microsecond', v_period.closed_at
  ) as b
  join reference.assets as s
    on s.asset_id = b.asset_id
  join reference.participants as a
    on a.participant_id = b.participant_id
  where b.posted <> 0;
end;
$$;
comment on function ops.pack_journals is 'what was posted in a closed period, a line each';
