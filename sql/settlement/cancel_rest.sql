-- Writes that what is left of an instruction that was taken out will not settle: its trade is
-- busted. Who was linked to it waits for it no more, or for the instruction that takes its place.
-- Takes its row, who busted it, and that instruction (null: none does).
-- Writes: settlement.cancelled_instructions, links, waiting_instructions, events.
create or replace function settlement.cancel_rest(
  p_instruction settlement.waiting_instructions,
  p_by text,
  p_replacement_id bigint,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_segment_id int := p_instruction.segment_id;
  v_id bigint := p_instruction.instruction_id;
begin
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by, is_prefunded
  )
  select
    v_segment_id, v_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    i.quantity, i.notional, i.buyer_fee, i.seller_fee, i.value_date, i.attempts, i.created_at,
    p_now, 'BUST', p_by, i.is_prefunded
  from (select p_instruction.*) as i;

  insert into settlement.links (segment_id, instruction_id, link, other_id)
  select
    v_segment_id, case l.instruction_id when v_id then p_replacement_id else l.instruction_id end,
    l.link, case l.other_id when v_id then p_replacement_id else l.other_id end
  from settlement.links as l
  where l.segment_id = v_segment_id
    and v_id in (l.instruction_id, l.other_id)
    and p_replacement_id is not null;
  with gone as (
    delete from settlement.links as l
    where l.segment_id = v_segment_id
      and v_id in (l.instruction_id, l.other_id)
    returning l.instruction_id
  )
  update settlement.waiting_instructions as i
  set next_attempt_at = greatest(p_now, i.due_at)
  from gone as g
  where i.segment_id = v_segment_id
    and i.instruction_id = g.instruction_id
    and i.reason = 'LINKED';

  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (v_segment_id, v_id, p_now, 'BUSTED', p_by);
end;
$$;
comment on function settlement.cancel_rest is
  'writes that what is left of the instruction of a busted trade will not settle';
