-- The nets of settled windows, and how much of the gross of their asset netting saved in the
-- window: 1 - what moved by net / what would have moved.
create or replace view ops.v_nets as
select
  n.net_id,
  n.window_id,
  p.client_id,
  c.client_id as counterparty,
  s.asset,
  trim_scale(n.amount::numeric) as net,
  trim_scale(n.gross_in::numeric) as gross_in,
  trim_scale(n.gross_out::numeric) as gross_out,
  round(1 - sum(greatest(n.amount, 0)) over by_asset
    / nullif(sum(n.gross_in) over by_asset, 0), 4) as saved
from clearing.nets as n
join reference.participants as p
  on p.participant_id = n.participant_id
left join reference.participants as c
  on c.participant_id = n.counterparty_id
join reference.assets as s
  on s.asset_id = n.asset_id
window by_asset as (partition by n.segment_id, n.window_id, n.asset_id)
order by n.window_id desc, p.client_id, s.asset;
comment on view ops.v_nets is 'the nets of settled windows, and what netting saved';
