-- Writes what became of instructions of which a part, or the last, was settled.
-- Writes: settlement.waiting_instructions, settled_instructions.
create or replace function settlement.record_parts(
  p_segment_id int,
  p_now timestamptz,
  p_journal_id bigint,
  p_parts settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  update settlement.waiting_instructions as i
  set settled_quantity = i.settled_quantity + p.quantity,
    settled_notional = i.settled_notional + p.notional,
    settled_buyer_fee = i.settled_buyer_fee + p.buyer_fee,
    settled_seller_fee = i.settled_seller_fee + p.seller_fee,
    status = 'PARTIALLY_SETTLED'
  from unnest(p_parts) as p
  where i.segment_id = p_segment_id
    and i.instruction_id = p.instruction_id
    and not p.is_last;

  with gone as (
    delete from settlement.waiting_instructions as i
    using unnest(p_parts) as p
    where i.segment_id = p_segment_id
      and i.instruction_id = p.instruction_id
      and p.is_last
    returning i.*
  )
  insert into settlement.settled_instructions
  select
    g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
    g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
    g.attempts + 1, g.created_at, p_now, p_journal_id
  from gone as g;
end;
$$;
comment on function settlement.record_parts is
  'writes what became of instructions of which a part was settled';
