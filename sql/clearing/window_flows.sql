-- What the instructions of a window that is not settled move: each to give (negative) and to get,
-- by account, with whom, and whether what is given is held for it. Fees go to the house. Reads
-- only.
create or replace function clearing.window_flows(
  p_segment_id int,
  p_window_id bigint
) returns table (
  instruction_id bigint,
  kind ledger.transfer_kind,
  participant_id int,
  counterparty_id int,
  asset_id int,
  amount numeric,
  is_prefunded boolean
)
language sql stable
as $$
  select
    i.instruction_id, l.kind, f.participant_id, f.counterparty_id, l.asset_id, f.amount,
    i.is_prefunded
  from settlement.waiting_instructions as i
  cross join lateral settlement.legs(
    i.base_asset_id, i.quote_asset_id, i.buyer_id, i.seller_id, i.quantity - i.settled_quantity,
    i.notional - i.settled_notional, i.buyer_fee - i.settled_buyer_fee,
    i.seller_fee - i.settled_seller_fee
  ) as l
  cross join lateral (
    values (l.debit_id, l.credit_id, -l.amount), (l.credit_id, l.debit_id, l.amount)
  ) as f (participant_id, counterparty_id, amount)
  where i.segment_id = p_segment_id
    and i.window_id = p_window_id
$$;
comment on function clearing.window_flows is 'what the instructions of a window move';
