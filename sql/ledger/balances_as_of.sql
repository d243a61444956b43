-- What each account had at a time, as far as it was known at another, in the asset [LED-031]: what
-- counts since p_at or before, and was posted at p_known_at or before. Both are in the past, so the
-- answer stays the same. Of one participant, or (null) of all. Reads only.
create or replace function ledger.balances_as_of(
  p_segment_id int,
  p_participant_id int,
  p_at timestamptz,
  p_known_at timestamptz
) returns table (
  participant_id int,
  asset_id int,
  posted numeric
)
language sql stable
as $$
  select s.participant_id, s.asset_id, sum(s.posted)
  from (
    select b.participant_id, b.asset_id, b.posted
    from ledger.posted_before(
      p_segment_id, p_participant_id, least(p_at, p_known_at) + interval '1 microsecond'
    ) as b
    union all
    select e.participant_id, e.asset_id, e.amount
    from ledger.journals as j
    join ledger.entries as e
      on e.segment_id = j.segment_id
      and e.journal_id = j.journal_id
      and e.posted_at = j.posted_at
    where j.segment_id = p_segment_id
      and j.effective_at is not null
      and j.effective_at <= p_at
      and j.posted_at > p_at
      and j.posted_at <= p_known_at
      and e.participant_id = coalesce(p_participant_id, e.participant_id)
  ) as s
  group by s.participant_id, s.asset_id
$$;
comment on function ledger.balances_as_of is
  'what each account had at a time, as far as it was known at another';
