-- What is final of an instruction: all of it when it is settled, by itself or by the net of a
-- window, or the parts of one that was taken out, whose row is given. A quantity of zero for
-- nothing. Reads only.
create or replace function settlement.final_part(
  p_segment_id int,
  p_instruction_id bigint,
  p_rest settlement.waiting_instructions
) returns settlement.part
language sql stable
as $$
  select row(
    f.instruction_id, f.symbol_id, f.buyer_id, f.seller_id, f.base_asset_id, f.quote_asset_id,
    f.quantity, f.notional, f.buyer_fee, f.seller_fee, f.is_prefunded, true
  )::settlement.part
  from (
    select
      s.instruction_id, s.symbol_id, s.buyer_id, s.seller_id, s.base_asset_id, s.quote_asset_id,
      s.quantity::numeric as quantity, s.notional::numeric as notional,
      s.buyer_fee::numeric as buyer_fee, s.seller_fee::numeric as seller_fee, true as is_prefunded
    from settlement.settled_instructions as s
    where s.segment_id = p_segment_id
      and s.instruction_id = p_instruction_id
    union all
    select
      c.instruction_id, c.symbol_id, c.buyer_id, c.seller_id, c.base_asset_id, c.quote_asset_id,
      c.quantity, c.notional, c.buyer_fee, c.seller_fee, c.is_prefunded
    from settlement.cancelled_instructions as c
    where c.segment_id = p_segment_id
      and c.instruction_id = p_instruction_id
      and c.netted_into is not null
    union all
    select
      i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
      i.settled_quantity, i.settled_notional, i.settled_buyer_fee, i.settled_seller_fee,
      i.is_prefunded
    from (select p_rest.*) as i
    where i.instruction_id = p_instruction_id
  ) as f
$$;
comment on function settlement.final_part is 'what is final of an instruction';
