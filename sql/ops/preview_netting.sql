-- What a window would settle now: each net, what is available for it besides what is held, what is
-- missing, and whether its owner would be left out for it; also when that is only so because
-- another is left out who was to pay it. Changes nothing. Amounts in the asset.
create or replace function ops.preview_netting(
  p_window_id bigint,
  p_segment_id int default 1
) returns table (
  client_id text,
  asset text,
  net numeric,
  available numeric,
  gap numeric,
  fails boolean
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    p.client_id, s.asset, trim_scale(sum(n.amount)),
    trim_scale(coalesce(max(a.posted - a.held), 0)), trim_scale(coalesce(max(g.gap), 0)),
    max(g.gap) is not null
  from clearing.window_nets(p_segment_id, p_window_id) as n
  join reference.participants as p
    on p.participant_id = n.participant_id
  join reference.assets as s
    on s.asset_id = n.asset_id
  left join ledger.accounts as a
    on a.segment_id = p_segment_id
    and a.participant_id = n.participant_id
    and a.asset_id = n.asset_id
  left join clearing.would_fail(p_segment_id, p_window_id) as g
    on g.participant_id = n.participant_id
    and g.asset_id = n.asset_id
  group by p.client_id, s.asset
  order by p.client_id, s.asset
$$;
comment on function ops.preview_netting is
  'preview_netting(window): nets, what is missing for them, and who would fail; changes nothing';
revoke execute on function ops.preview_netting from public;
grant execute on function ops.preview_netting to pgsettle_operator, pgsettle_auditor;
