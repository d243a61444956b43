-- All fees that were set, a row a tier, and from when to when each is in force; null for whom or
-- where: for all. Where none is in force a symbol's own rates are charged.
create or replace view ops.v_fee_schedules as
select
  f.schedule_id,
  p.client_id,
  s.symbol,
  g.symbol_group,
  r.fee_id,
  trim_scale(r.min_volume) as min_volume,
  trim_scale(r.maker_rate::numeric) as maker_rate,
  trim_scale(r.taker_rate::numeric) as taker_rate,
  f.effective_from,
  f.effective_until,
  f.set_by,
  f.reason,
  f.segment_id
from (
  select
    u.*, lead(u.effective_from) over (
      partition by u.segment_id, u.participant_id, u.symbol_id, u.group_id
      order by u.effective_from, u.schedule_id
    ) as effective_until
  from reference.fee_schedules as u
) as f
left join reference.participants as p
  on p.participant_id = f.participant_id
left join reference.symbols as s
  on s.symbol_id = f.symbol_id
left join reference.symbol_groups as g
  on g.group_id = f.group_id
left join reference.fee_rates as r
  on r.segment_id = f.segment_id
  and r.schedule_id = f.schedule_id
order by f.schedule_id, r.min_volume;
comment on view ops.v_fee_schedules is 'all fees that were set, and from when to when in force';
