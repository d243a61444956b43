-- What these participants are charged at a symbol at a time, by the volumes that are summed up for
-- them so far: the rates of their tier [LED-042], with how much is missing to the next. Returns no
-- row for who is charged what the symbol itself says. Reads only.
create or replace function matching.charges_of(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_participant_ids int[]
) returns table (
  participant_id int,
  charge matching.charge
)
language sql volatile
rows 100
as $$
  select
    s.participant_id,
    row(r.fee_id, r.maker_rate, r.taker_rate, greatest(r.maker_rate, r.taker_rate, 0),
      r.next_volume - v.volume)::matching.charge
  from reference.schedules_of(p_symbol, p_at, p_participant_ids) as s
  cross join lateral (
    select coalesce(sum(u.volume), 0) as volume
    from matching.volumes as u
    where u.segment_id = p_symbol.segment_id
      and u.symbol_id = p_symbol.symbol_id
      and u.participant_id = s.participant_id
      and u.traded_on >= matching.first_volume_day(p_at)
  ) as v
  cross join lateral (
    select
      t.fee_id, t.min_volume, t.maker_rate::numeric as maker_rate,
      t.taker_rate::numeric as taker_rate,
      lead(t.min_volume) over (order by t.min_volume) as next_volume
    from reference.fee_rates as t
    where t.segment_id = p_symbol.segment_id
      and t.schedule_id = s.schedule_id
  ) as r
  where r.min_volume <= v.volume
    and (r.next_volume > v.volume) is not false
$$;
comment on function matching.charges_of is
  'what participants are charged at a symbol at a time, by their tiers';
