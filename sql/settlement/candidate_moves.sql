-- What candidates that are ready take from accounts and bring to them: rows of account and amount,
-- one a unit and account, in the order of units; accounts are numbered in the order in which they
-- are locked. What is prefunded takes nothing that is available. Reads nothing.
create or replace function settlement.candidate_moves(
  p_candidates settlement.candidate[],
  out moves settlement.unit_move[],
  out participant_ids int[],
  out asset_ids int[]
)
language sql stable
as $$
  with flows as (
    select c.unit_no, f.participant_id, f.asset_id, sum(f.amount) as amount
    from unnest(p_candidates) as c
    cross join lateral (select (c.part).*) as p
    cross join lateral (
      values
        (p.seller_id, p.base_asset_id, case when p.is_prefunded then 0 else -p.quantity end),
        (p.buyer_id, p.base_asset_id, p.quantity),
        (p.buyer_id, p.quote_asset_id,
          case when p.is_prefunded then 0 else -p.notional - p.buyer_fee end),
        (p.seller_id, p.quote_asset_id, p.notional - p.seller_fee),
        (reference.house_id(), p.quote_asset_id, p.buyer_fee + p.seller_fee)
    ) as f (participant_id, asset_id, amount)
    where c.reason is null
      and (f.amount <> 0 or p.is_prefunded)
    group by c.unit_no, f.participant_id, f.asset_id
  ), numbered as (
    select
      f.*,
      dense_rank() over (order by f.participant_id, f.asset_id)::int as account_no
    from flows as f
  )
  select
    (
      select array_agg(row(n.unit_no, n.account_no, n.amount)::settlement.unit_move
        order by n.unit_no, n.account_no)
      from numbered as n
    ),
    array(
      select min(n.participant_id)
      from numbered as n
      group by n.account_no
      order by n.account_no
    ),
    array(select min(n.asset_id) from numbered as n group by n.account_no order by n.account_no)
$$;
comment on function settlement.candidate_moves is 'what candidates take from accounts and bring';
