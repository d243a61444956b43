-- Whose an account is [LED-035]: that of the one at the top of its tree, but for an OMNIBUS
-- account, which keeps for others: it is nobody's but its own, and so is each right below it. Reads
-- only.
create or replace function reference.owner_id(
  p_participant_id int
) returns int -- participant id
language sql stable
as $$
  with recursive up as (
    select p.participant_id, p.parent_id, p.custody, 1 as level
    from reference.participants as p
    where p.participant_id = p_participant_id
    union all
    select o.participant_id, o.parent_id, o.custody, u.level + 1
    from up as u
    join reference.participants as o
      on o.participant_id = u.parent_id
      and o.custody = 'SEGREGATED'
    where u.custody = 'SEGREGATED'
  )
  select u.participant_id
  from up as u
  order by u.level desc
  limit 1
$$;
comment on function reference.owner_id is
  'whose an account is: up to the top, or to an OMNIBUS account';
