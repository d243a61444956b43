-- What settling these parts changes on the accounts, one change an account. What was prefunded is
-- taken from what is held, the rest from what is available. Reads nothing.
create or replace function settlement.part_changes(
  p_parts settlement.part[]
) returns ledger.account_change[]
language sql stable
as $$
  select ledger.sum_changes(array_agg(
    row(c.participant_id, c.asset_id, c.posted, c.held, c.due_in, c.held)::ledger.account_change
  ))
  from unnest(p_parts) as p
  cross join lateral (
    values
      (p.seller_id, p.base_asset_id, -p.quantity, -p.quantity, 0.0),
      (p.buyer_id, p.base_asset_id, p.quantity, 0, -p.quantity),
      (p.buyer_id, p.quote_asset_id, -p.notional - p.buyer_fee, -p.notional - p.buyer_fee, 0),
      (p.seller_id, p.quote_asset_id, p.notional - p.seller_fee, 0, p.seller_fee - p.notional),
      (reference.house_id(), p.quote_asset_id, p.buyer_fee + p.seller_fee, 0, 0)
  ) as m (participant_id, asset_id, posted, held, due_in)
  cross join lateral (
    select
      m.participant_id, m.asset_id, m.posted,
      case when p.is_prefunded then m.held else 0 end as held,
      case when p.is_prefunded then m.due_in else 0 end as due_in
  ) as c
  where m.posted <> 0
$$;
comment on function settlement.part_changes is 'what settling parts changes on the accounts';
