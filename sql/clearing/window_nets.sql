-- The nets of a window that is not settled: one an account, or one a pair and asset in a bilateral
-- set [CLR-005]. Their sum is zero in each asset. Reads only.
create or replace function clearing.window_nets(
  p_segment_id int,
  p_window_id bigint
) returns table (
  participant_id int,
  counterparty_id int,
  asset_id int,
  amount numeric,
  gross_in numeric,
  gross_out numeric
)
language sql stable
as $$
  select
    f.participant_id, case s.scope when 'BILATERAL' then f.counterparty_id end, f.asset_id,
    sum(f.amount), coalesce(sum(f.amount) filter (where f.amount > 0), 0),
    -coalesce(sum(f.amount) filter (where f.amount < 0), 0)
  from clearing.windows as w
  join clearing.netting_sets as s
    on s.segment_id = w.segment_id
    and s.netting_set = w.netting_set
  cross join lateral clearing.window_flows(w.segment_id, w.window_id) as f
  where w.segment_id = p_segment_id
    and w.window_id = p_window_id
  group by 1, 2, 3
$$;
comment on function clearing.window_nets is 'the nets of a window that is not settled';
