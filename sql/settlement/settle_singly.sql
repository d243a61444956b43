-- Settles claimed instructions one by one; one that cannot be posted is put aside with its reason,
-- and what it did is undone [SET-003]. Returns how many settled and how many were put aside.
-- Locks and writes: as settlement.settle_instructions.
create or replace function settlement.settle_singly(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[],
  out settled int,
  out put_aside int
)
language plpgsql volatile
as $$
declare
  v_id bigint;
begin
  settled := 0;
  put_aside := 0;
  foreach v_id in array p_instruction_ids loop
    begin
      perform settlement.bring_back(p_segment_id, array[v_id]);
      settled := settled + settlement.settle_instructions(p_segment_id, p_now, array[v_id]);
    exception when integrity_constraint_violation or data_exception or raise_exception
      or sqlstate 'NVACC' then
      perform settlement.put_aside(p_segment_id, p_now, v_id, sqlstate || ' ' || sqlerrm);
      put_aside := put_aside + 1;
    end;
  end loop;
end;
$$;
comment on function settlement.settle_singly is 'settles instructions one by one';
