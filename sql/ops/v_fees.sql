-- What the house earned, by asset: fees less rebates.
create or replace view ops.v_fees as
select
  s.asset,
  e.kind,
  count(*) as fees,
  sum(e.amount) as amount
from ledger.entries as e
join reference.participants as p
  on p.participant_id = e.participant_id
  and p.kind = 'HOUSE'
join reference.assets as s
  on s.asset_id = e.asset_id
group by s.asset, e.kind
order by s.asset, e.kind;
comment on view ops.v_fees is 'what the house earned, by asset';
