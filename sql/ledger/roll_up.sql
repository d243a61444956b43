-- What an account and each one below it has of each asset, its own and with all that is below it,
-- in one snapshot [LED-035]: what stands now, or (p_at) what it had then as far as it was known at
-- p_known_at, where nothing is held. Reads only.
create or replace function ledger.roll_up(
  p_segment_id int,
  p_participant_id int,
  p_at timestamptz,
  p_known_at timestamptz
) returns table (
  participant_id int,
  asset_id int,
  own numeric,
  own_held numeric,
  total numeric,
  total_held numeric
)
language sql stable
as $$
  with tree as materialized (
    select t.* from reference.account_tree(p_participant_id) as t
  ), had as (
    select a.participant_id, a.asset_id, a.posted::numeric as posted, a.held::numeric as held
    from tree as t
    join ledger.accounts as a
      on a.segment_id = p_segment_id
      and a.participant_id = t.participant_id
    where p_at is null
    union all
    select b.participant_id, b.asset_id, b.posted, 0
    from tree as t
    cross join lateral ledger.balances_as_of(
      p_segment_id, t.participant_id, p_at, p_known_at
    ) as b
    where p_at is not null
  )
  select
    w.participant_id, h.asset_id,
    coalesce(sum(h.posted) filter (where h.participant_id = w.participant_id), 0),
    coalesce(sum(h.held) filter (where h.participant_id = w.participant_id), 0),
    sum(h.posted), sum(h.held)
  from tree as t
  join had as h
    on h.participant_id = t.participant_id
  cross join lateral unnest(t.way) as w (participant_id)
  group by w.participant_id, h.asset_id
$$;
comment on function ledger.roll_up is
  'what an account and each one below it has, its own and with all below it';
