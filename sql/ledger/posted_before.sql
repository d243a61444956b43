-- What was posted to accounts before a time, in the asset: of one participant, or (null) of all.
-- The sum begins at the last sealed period that had ended by then. Reads only.
create or replace function ledger.posted_before(
  p_segment_id int,
  p_participant_id int,
  p_before timestamptz
) returns table (
  participant_id int,
  asset_id int,
  posted numeric
)
language plpgsql stable
as $$
declare
  v_base record;
begin
  select p.period_no, p.ends_at into v_base
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.sealed_at is not null
    and p.reopened_at is null
    and p.ends_at <= p_before
  order by p.ends_at desc
  limit 1;

  return query
  select s.participant_id, s.asset_id, sum(s.posted)
  from (
    select b.participant_id, b.asset_id, b.posted::numeric as posted
    from ledger.period_balances as b
    where b.segment_id = p_segment_id
      and b.period_no = v_base.period_no
      and b.participant_id = coalesce(p_participant_id, b.participant_id)
    union all
    select e.participant_id, t.asset_id, e.amount
    from ledger.transfers as t
    cross join lateral (
      values (t.debit_participant_id, -t.amount), (t.credit_participant_id, t.amount)
    ) as e (participant_id, amount)
    where t.segment_id = p_segment_id
      and t.posted_at >= coalesce(v_base.ends_at, '-infinity')
      and t.posted_at < p_before
      and (
        p_participant_id is null
        or p_participant_id in (t.debit_participant_id, t.credit_participant_id)
      )
      and e.participant_id = coalesce(p_participant_id, e.participant_id)
  ) as s
  group by s.participant_id, s.asset_id;
end;
$$;
comment on function ledger.posted_before is 'what was posted to accounts before a time';
