-- Settles instructions by their ids, as settlement.settle_claimed does; an id that is no longer
-- pending is passed over. Returns how many it settled.
-- Locks: the rows, then as settle_claimed. Raises: as it does.
create or replace function settlement.settle_instructions(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns int
language sql volatile
as $$
  select settlement.settle_claimed(p_segment_id, p_now, array(
    select i.ctid
    from reference.ids(p_segment_id, p_instruction_ids) as c
    join settlement.pending_instructions as i
      on i.segment_id = c.segment_id
      and i.instruction_id = c.id
    for update of i
  ))
$$;
comment on function settlement.settle_instructions is 'settles instructions by their ids';
