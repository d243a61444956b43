-- Settles claimed instructions with conditions of which one cannot be posted: group by group, each
-- with those that it is linked WITH, so that a group that cannot be posted shows; it is put aside
-- with its reason, and what it did is undone [SET-003]. Then the others together once more, for
-- those that settle only so [SET-009]; where that fails, they wait as they were found alone.
-- Returns how many settled, in whole or in part, and how many were put aside.
-- Locks and writes: as settlement.settle_conditional.
create or replace function settlement.settle_apart(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[],
  out settled int,
  out put_aside int
)
language plpgsql volatile
as $$
declare
  v_group bigint[];
  v_others bigint[] := '{}';
begin
  settled := 0;
  put_aside := 0;
  for v_group in
    select g.instruction_ids
    from settlement.linked_groups(p_segment_id, p_instruction_ids) as g
  loop
    begin
      settled := settled + settlement.settle_conditional(p_segment_id, p_now, v_group);
      v_others := v_others || v_group;
    exception when integrity_constraint_violation or data_exception or raise_exception
      or sqlstate 'NVACC' then
      perform settlement.put_aside(p_segment_id, p_now, g.id, sqlstate || ' ' || sqlerrm)
      from unnest(v_group) as g (id);
      put_aside := put_aside + cardinality(v_group);
    end;
  end loop;

  begin
    settled := settled + settlement.settle_conditional(p_segment_id, p_now, array(
      select i.instruction_id
      from settlement.waiting_instructions as i
      where i.segment_id = p_segment_id
        and i.instruction_id = any (v_others)
    ));
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    null;
  end;
end;
$$;
comment on function settlement.settle_apart is
  'settles instructions with conditions of which one cannot be posted';
