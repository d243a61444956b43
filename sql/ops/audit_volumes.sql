-- The volumes of tiers against the trades that they sum up [LED-042], what took the place of
-- another by its time. Returns what differs. Reads only.
create or replace function ops.audit_volumes() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with traded as (
    select
      t.segment_id, t.symbol_id, l.participant_id,
      (t.traded_at at time zone 'UTC')::date as traded_on, sum(t.price * t.quantity) as volume
    from matching.volume_marks as m
    join matching.standing_trades as t
      on t.segment_id = m.segment_id
      and t.symbol_id = m.symbol_id
      and (t.seq <= m.last_seq or t.traded_at < m.last_at)
      and t.traded_at >= m.since_on::timestamp at time zone 'UTC'
    cross join lateral (values (t.taker_id), (t.maker_id)) as l (participant_id)
    group by t.segment_id, t.symbol_id, l.participant_id, (t.traded_at at time zone 'UTC')::date
  )
  select 'fee volume', concat_ws(' ', coalesce(v.symbol_id, t.symbol_id),
    coalesce(v.participant_id, t.participant_id), coalesce(v.traded_on, t.traded_on)),
    v.volume::text, t.volume::text
  from matching.volumes as v
  full join traded as t
    on t.segment_id = v.segment_id
    and t.symbol_id = v.symbol_id
    and t.participant_id = v.participant_id
    and t.traded_on = v.traded_on
  where coalesce(v.volume, 0) <> coalesce(t.volume, 0)
$$;
comment on function ops.audit_volumes is
  'the volumes of tiers against trades; returns what differs';
