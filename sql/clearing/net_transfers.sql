-- What moves by net in a window: each account against the clearing account, or each pair once. In
-- mode NET_CASH only cash: the quote assets and what is owed in them. Reads only.
create or replace function clearing.net_transfers(
  p_window clearing.windows,
  p_mode clearing.netting_mode,
  p_clearing_id int
) returns table (
  participant_id int,
  counterparty_id int,
  asset_id int,
  amount numeric
)
language sql stable
as $$
  select n.participant_id, coalesce(n.other_id, p_clearing_id), n.asset_id, n.amount
  from (
    select
      f.participant_id, case s.scope when 'BILATERAL' then f.counterparty_id end as other_id,
      f.asset_id, sum(f.amount) as amount
    from clearing.netting_sets as s
    cross join lateral clearing.window_flows(p_window.segment_id, p_window.window_id) as f
    where s.segment_id = p_window.segment_id
      and s.netting_set = p_window.netting_set
      and (p_mode = 'NET' or f.kind <> 'DELIVERY')
    group by 1, 2, 3
  ) as n
  where n.amount <> 0
    and (n.other_id is null or n.participant_id < n.other_id)
$$;
comment on function clearing.net_transfers is 'what moves by net in a window';
