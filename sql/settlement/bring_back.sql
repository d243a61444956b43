-- Brings waiting instructions back in line. Their ids are old: the marks of their queues go down to
-- them, whether or not they seem to be lower, because a mark may be on its way up [SET-005]. Ids
-- that do not wait are passed over. Returns how many came.
-- Locks: the rows, then the queues by symbol. Writes: settlement.queues, waiting_instructions,
-- pending_instructions.
create or replace function settlement.bring_back(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_count int := 0;
  v_lowest record;
begin
  for v_lowest in
    with gone as (
      delete from settlement.waiting_instructions as i
      using reference.ids(p_segment_id, p_instruction_ids) as c
      where i.segment_id = c.segment_id
        and i.instruction_id = c.id
      returning i.*
    ), back as (
      insert into settlement.pending_instructions
      select
        g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
        g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
        g.attempts, g.created_at
      from gone as g
      returning symbol_id, instruction_id
    )
    select b.symbol_id, min(b.instruction_id) as first_id, count(*) as instructions
    from back as b
    group by b.symbol_id
    order by b.symbol_id
  loop
    v_count := v_count + v_lowest.instructions;
    update settlement.queues as q
    set low_id = least(q.low_id, v_lowest.first_id - 1)
    where q.segment_id = p_segment_id
      and q.symbol_id = v_lowest.symbol_id;
  end loop;
  return v_count;
end;
$$;
comment on function settlement.bring_back is 'brings waiting instructions back in line';
