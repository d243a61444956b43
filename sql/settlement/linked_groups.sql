-- Claimed instructions in the groups that settle together: linked WITH each other, directly or by
-- others; each by itself where it is linked with none [SET-008]. In the order in which they settle:
-- priority, value date, id. Reads only.
create or replace function settlement.linked_groups(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns table (
  instruction_ids bigint[]
)
language sql stable
as $$
  with recursive reached as (
    select c.id as root_id, c.id
    from unnest(p_instruction_ids) as c (id)
    union
    select r.root_id, l.other_id
    from reached as r
    join settlement.links as l
      on l.segment_id = p_segment_id
      and l.instruction_id = r.id
      and l.link = 'WITH'
  ), grouped as (
    select r.root_id as instruction_id, min(r.id) as group_id
    from reached as r
    group by r.root_id
  )
  select array_agg(i.instruction_id order by i.instruction_id)
  from grouped as g
  join settlement.waiting_instructions as i
    on i.segment_id = p_segment_id
    and i.instruction_id = g.instruction_id
  group by g.group_id
  order by min(array[i.priority, i.value_date - date '2000-01-01', i.instruction_id])
$$;
comment on function settlement.linked_groups is
  'claimed instructions in the groups that settle together';
