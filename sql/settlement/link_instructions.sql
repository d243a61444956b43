-- Links two instructions that are not final: AFTER settles the first once the other has settled,
-- WITH settles both in one journal or neither [SET-008].
-- One link at a time: of two that would close a ring of four between them neither locks what the
-- other does, nor sees its link.
-- Locks: advisory (7, segment); both rows, in the order of their ids.
-- Writes: settlement.links, waiting_instructions.
-- Raises: NFINS, STINS; STLNK when the link would make one wait for itself, or is to itself.
create or replace function settlement.link_instructions(
  p_segment_id int,
  p_instruction_id bigint,
  p_link settlement.link_kind,
  p_other_id bigint,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 7;
begin
  perform pg_advisory_xact_lock(c_lock_space, p_segment_id);
  perform settlement.find_waiting(p_segment_id, least(p_instruction_id, p_other_id), p_now);
  perform settlement.find_waiting(p_segment_id, greatest(p_instruction_id, p_other_id), p_now);

  if p_instruction_id = p_other_id or exists (
    with recursive needed as (
      select p_other_id as id, p_link = 'AFTER' as is_after
      union
      select l.other_id, n.is_after or l.link = 'AFTER'
      from needed as n
      join settlement.links as l
        on l.segment_id = p_segment_id
        and l.instruction_id = n.id
    )
    select from needed as n where n.id = p_instruction_id and n.is_after
  ) or p_link = 'WITH' and exists (
    with recursive needed as (
      select p_instruction_id as id, false as is_after
      union
      select l.other_id, n.is_after or l.link = 'AFTER'
      from needed as n
      join settlement.links as l
        on l.segment_id = p_segment_id
        and l.instruction_id = n.id
    )
    select from needed as n where n.id = p_other_id and n.is_after
  ) then
    raise exception 'instruction % would wait for itself', p_instruction_id
      using errcode = 'STLNK', hint = 'LINK_CYCLE';
  end if;

  insert into settlement.links (segment_id, instruction_id, link, other_id)
  select p_segment_id, v.id, p_link, v.other_id
  from (
    values (p_instruction_id, p_other_id, true), (p_other_id, p_instruction_id, p_link = 'WITH')
  ) as v (id, other_id, stands)
  where v.stands
  on conflict (segment_id, instruction_id, other_id) do update set link = excluded.link;

  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, p_instruction_id, p_now, 'LINKED', p_link || ' ' || p_other_id);
end;
$$;
comment on function settlement.link_instructions is 'links two instructions: AFTER or WITH';
