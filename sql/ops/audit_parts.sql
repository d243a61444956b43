-- What is final of instructions that settled in parts against those parts. Returns what differs.
-- Reads only.
create or replace function ops.audit_parts() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'settlement parts', i.instruction_id::text,
    concat_ws(' ', trim_scale(i.quantity), trim_scale(i.notional), trim_scale(i.buyer_fee),
      trim_scale(i.seller_fee)),
    concat_ws(' ', trim_scale(p.quantity), trim_scale(p.notional), trim_scale(p.buyer_fee),
      trim_scale(p.seller_fee))
  from (
    select
      s.segment_id, s.instruction_id, s.quantity::numeric as quantity,
      s.notional::numeric as notional, s.buyer_fee::numeric as buyer_fee,
      s.seller_fee::numeric as seller_fee
    from settlement.settled_instructions as s
    union all
    select
      n.segment_id, n.instruction_id, n.settled_quantity, n.settled_notional,
      n.settled_buyer_fee, n.settled_seller_fee
    from settlement.waiting_instructions as n
  ) as i
  join (
    select
      t.segment_id, t.instruction_id, sum(t.quantity) as quantity, sum(t.notional) as notional,
      sum(t.buyer_fee) as buyer_fee, sum(t.seller_fee) as seller_fee
    from settlement.parts as t
    group by t.segment_id, t.instruction_id
  ) as p
    on p.segment_id = i.segment_id
    and p.instruction_id = i.instruction_id
  where (i.quantity, i.notional, i.buyer_fee, i.seller_fee)
    <> (p.quantity, p.notional, p.buyer_fee, p.seller_fee)
$$;
comment on function ops.audit_parts is 'settlement in parts against its parts; what differs';
