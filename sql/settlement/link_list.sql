-- The links of an instruction, as a JSON list of {link, settlement_id}, by id: AFTER the other it
-- settles, or WITH it [SET-008]. A link stays when both have settled. Reads only.
create or replace function settlement.link_list(
  p_segment_id int,
  p_instruction_id bigint
) returns json
language sql stable
as $$
  select coalesce(json_agg(json_build_object(
    'link', l.link, 'settlement_id', l.other_id::text
  ) order by l.other_id), '[]')
  from settlement.links as l
  where l.segment_id = p_segment_id
    and l.instruction_id = p_instruction_id
$$;
comment on function settlement.link_list is 'the links of an instruction, as JSON';
