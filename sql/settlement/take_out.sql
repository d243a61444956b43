-- Takes an instruction out of wherever it waits to be settled, a window that is not settled as
-- well, so that it will not be. Whoever settles it ends first. Returns its row as it was among
-- those that wait; null when it is final, or cancelled.
-- The caller has advisory (4, segment): nobody settles what has conditions meanwhile.
-- Locks: its row and those that are linked with it, in the order of their ids.
-- Writes: settlement.pending_instructions, waiting_instructions, ledger.waits. Raises: NFINS.
create or replace function settlement.take_out(
  p_segment_id int,
  p_instruction_id bigint
) returns settlement.waiting_instructions
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions;
begin
  -- It may change places while it is looked for.
  for v_try in 1..100 loop
    perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'LINKED');
    perform
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and (i.instruction_id = p_instruction_id or i.instruction_id in (
        select l.instruction_id
        from settlement.links as l
        where l.segment_id = p_segment_id
          and l.other_id = p_instruction_id
      ))
    order by i.instruction_id
    for update;

    delete from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id = p_instruction_id
    returning i.* into v_instruction;
    exit when found or exists (
      select
      from settlement.instructions as i
      where i.segment_id = p_segment_id
        and i.instruction_id = p_instruction_id
        and i.status in ('SETTLED', 'CANCELLED')
    );
    if v_try = 100 then
      raise exception 'there is no instruction %', p_instruction_id
        using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT';
    end if;
  end loop;

  delete from ledger.waits as w
  where w.segment_id = p_segment_id
    and w.waiter_id = p_instruction_id;
  return v_instruction;
end;
$$;
comment on function settlement.take_out is 'takes an instruction out of wherever it waits';
