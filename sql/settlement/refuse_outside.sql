-- Refuses an instruction whose leg is on its way outside: nothing but the end of that ends it
-- [SET-040]. It has one from its own transaction on, or never. Reads only. Raises: STLEG.
create or replace function settlement.refuse_outside(
  p_segment_id int,
  p_instruction_id bigint
) returns void
language plpgsql stable
as $$
begin
  if exists (
    select
    from settlement.outside_legs as l
    where l.segment_id = p_segment_id
      and l.instruction_id = p_instruction_id
      and l.ended_at is null
  ) then
    raise exception 'instruction % waits for its outside leg', p_instruction_id
      using errcode = 'STLEG', hint = 'HAS_OUTSIDE_LEG';
  end if;
end;
$$;
comment on function settlement.refuse_outside is
  'refuses an instruction whose leg is on its way outside';
