-- What a participant is charged at each symbol at a time: the rates of its tier, by which row of
-- reference.fee_rates (null: the symbol's own), and where there are tiers its volume of the days
-- that count, and the volume from which the next tier holds. The volume is what is summed up and
-- what was traded since. Reads only.
create or replace function matching.fees_of(
  p_segment_id int,
  p_participant_id int,
  p_at timestamptz
) returns table (
  symbol text,
  maker_rate numeric,
  taker_rate numeric,
  fee_id bigint,
  volume_30d numeric,
  next_volume numeric
)
language sql volatile
as $$
  select
    s.symbol, trim_scale(coalesce(r.maker_rate, s.maker_rate)::numeric),
    trim_scale(coalesce(r.taker_rate, s.taker_rate)::numeric), r.fee_id,
    trim_scale(case when f.tier_count > 1 then v.volume end), trim_scale(r.next_volume)
  from reference.symbols as s
  left join lateral reference.schedules_of(s, p_at, array[p_participant_id]) as h on true
  left join lateral (
    select count(*) as tier_count
    from reference.fee_rates as t
    where t.segment_id = p_segment_id
      and t.schedule_id = h.schedule_id
  ) as f on true
  left join lateral matching.volume_of(s, p_participant_id, p_at) as v (volume)
    on f.tier_count > 1
  left join lateral (
    select t.*, lead(t.min_volume) over (order by t.min_volume) as next_volume
    from reference.fee_rates as t
    where t.segment_id = p_segment_id
      and t.schedule_id = h.schedule_id
  ) as r
    on r.min_volume <= coalesce(v.volume, 0)
    and (r.next_volume > coalesce(v.volume, 0)) is not false
  where s.segment_id = p_segment_id
    and s.status <> 'DELISTED'
  order by s.symbol
$$;
comment on function matching.fees_of is 'what a participant is charged at each symbol at a time';
