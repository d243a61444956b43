-- What instructions that settle together need of accounts, between them: what they take there less
-- what they bring [SET-008]. Of units of several only, one row a unit and account. Reads nothing.
create or replace function settlement.unit_needs(
  p_candidates settlement.candidate[]
) returns table (
  unit_no int,
  participant_id int,
  asset_id int,
  amount numeric
)
language sql stable
as $$
  select c.unit_no, f.participant_id, f.asset_id, -sum(f.amount)
  from (
    select u.unit_no, u.part, count(*) over (partition by u.unit_no) as members
    from unnest(p_candidates) as u
    where u.reason is null
  ) as c
  cross join lateral (select (c.part).*) as p
  cross join lateral (
    values
      (p.seller_id, p.base_asset_id, case when p.is_prefunded then 0 else -p.quantity end),
      (p.buyer_id, p.base_asset_id, p.quantity),
      (p.buyer_id, p.quote_asset_id,
        case when p.is_prefunded then 0 else -p.notional - p.buyer_fee end),
      (p.seller_id, p.quote_asset_id, p.notional - p.seller_fee)
  ) as f (participant_id, asset_id, amount)
  where c.members > 1
  group by c.unit_no, f.participant_id, f.asset_id
$$;
comment on function settlement.unit_needs is
  'what instructions that settle together need of accounts';
