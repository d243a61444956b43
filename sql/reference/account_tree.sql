-- An account and all below it, with the way down to each: the ids from the first to its own.
-- Reads only.
create or replace function reference.account_tree(
  p_participant_id int
) returns table (
  participant_id int,
  parent_id int,
  way int[]
)
language sql stable
as $$
  with recursive down as (
    select p.participant_id, p.parent_id, array[p.participant_id] as way
    from reference.participants as p
    where p.participant_id = p_participant_id
    union all
    select c.participant_id, c.parent_id, d.way || c.participant_id
    from down as d
    join reference.participants as c
      on c.parent_id = d.participant_id
  )
  select d.participant_id, d.parent_id, d.way
  from down as d
$$;
comment on function reference.account_tree is 'an account and all below it, with the way to each';
