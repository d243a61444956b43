-- What makes up a net: every trade and fee, with how often it failed before; the amounts add up to
-- the net exactly. Reads only.
create or replace function ops.explain_net(
  p_net_id bigint,
  p_segment_id int default 1
) returns table (
  instruction_id bigint,
  traded_at timestamptz,
  value_date date,
  kind ledger.transfer_kind,
  counterparty text,
  amount numeric,
  fails int
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    c.instruction_id, c.created_at, c.value_date, l.kind, p.client_id,
    case when l.credit_id = n.participant_id then l.amount else -l.amount end, c.attempts - 1
  from clearing.nets as n
  join settlement.cancelled_instructions as c
    on c.segment_id = n.segment_id
    and c.netted_into = n.window_id
  cross join lateral settlement.legs(
    c.base_asset_id, c.quote_asset_id, c.buyer_id, c.seller_id, c.quantity, c.notional,
    c.buyer_fee, c.seller_fee
  ) as l
  join reference.participants as p
    on p.participant_id = case when l.credit_id = n.participant_id then l.debit_id
      else l.credit_id end
  where n.segment_id = p_segment_id
    and n.net_id = p_net_id
    and l.asset_id = n.asset_id
    and n.participant_id in (l.debit_id, l.credit_id)
    and coalesce(n.counterparty_id = p.participant_id, true)
  order by c.value_date, c.instruction_id, l.leg_no
$$;
comment on function ops.explain_net is
  'explain_net(net): every trade, fee and earlier fail that makes up a net';
revoke execute on function ops.explain_net from public;
grant execute on function ops.explain_net to pgsettle_operator, pgsettle_auditor;
