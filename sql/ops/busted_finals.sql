-- What of each busted trade was final: who had bought and sold, and how much, by itself, in parts,
-- or by the net of a window. Reads only.
create or replace function ops.busted_finals() returns table (
  segment_id int,
  instruction_id bigint,
  terms text
)
language sql stable
as $$
  select
    f.segment_id, f.instruction_id,
    concat_ws(' ', f.buyer_id, f.seller_id, trim_scale(sum(f.quantity)),
      trim_scale(sum(f.notional)), trim_scale(sum(f.buyer_fee)), trim_scale(sum(f.seller_fee)))
  from (
    select p.segment_id, p.instruction_id, p.buyer_id, p.seller_id, p.quantity, p.notional,
      p.buyer_fee, p.seller_fee
    from settlement.postings as p
    union all
    select c.segment_id, c.instruction_id, c.buyer_id, c.seller_id, c.quantity, c.notional,
      c.buyer_fee, c.seller_fee
    from settlement.cancelled_instructions as c
    where c.netted_into is not null
  ) as f
  join matching.busted_trades as b
    on b.segment_id = f.segment_id
    and b.trade_id = f.instruction_id
  group by f.segment_id, f.instruction_id, f.buyer_id, f.seller_id
$$;
comment on function ops.busted_finals is 'what of each busted trade was final';
