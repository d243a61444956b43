-- What it changes on the accounts when the sides of a part begin to hold what they will give and to
-- await what they will get, or no longer do (p_sign -1). Reads nothing.
create or replace function settlement.part_holds(
  p_part settlement.part,
  p_sign int
) returns ledger.account_change[]
language sql immutable parallel safe
as $$
  select array_agg(
    row(c.participant_id, c.asset_id, 0, p_sign * c.due_out, p_sign * c.due_in, p_sign * c.due_out)
      ::ledger.account_change
  )
  from (select (p_part).*) as p
  cross join lateral (
    values
      (p.seller_id, p.base_asset_id, p.quantity, 0.0),
      (p.buyer_id, p.base_asset_id, 0, p.quantity),
      (p.buyer_id, p.quote_asset_id, p.notional + p.buyer_fee, 0),
      (p.seller_id, p.quote_asset_id, 0, p.notional - p.seller_fee)
  ) as c (participant_id, asset_id, due_out, due_in)
  where p.quantity > 0
$$;
comment on function settlement.part_holds is
  'what it changes on the accounts when a part is held for, or no longer';
