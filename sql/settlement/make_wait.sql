-- Takes instructions out of the line, to wait for something; those that are not in it are passed
-- over. The caller says until when. Writes: settlement.pending_instructions, waiting_instructions.
create or replace function settlement.make_wait(
  p_segment_id int,
  p_instruction_ids bigint[],
  p_reason settlement.pending_reason
) returns void
language sql volatile
as $$
  with gone as (
    delete from settlement.pending_instructions as i
    using reference.ids(p_segment_id, p_instruction_ids) as c
    where i.segment_id = c.segment_id
      and i.instruction_id = c.id
    returning i.*
  )
  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, reason,
    next_attempt_at, due_at
  )
  select
    g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
    g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date, g.attempts,
    g.created_at, p_reason, 'infinity', g.created_at
  from gone as g
$$;
comment on function settlement.make_wait is 'takes instructions out of the line, to wait';
