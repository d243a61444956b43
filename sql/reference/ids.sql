-- Ids as rows, for a join by key. Planned as if there were one (and not inlined, being volatile),
-- so that a plan always begins here and looks the rest up by its key: a plan that was made while a
-- table was small would else begin with the table, and stay so while it grows (measured on
-- PostgreSQL 18: updating 50 of 40,000 orders took 150 ms instead of 1).
create or replace function reference.ids(
  p_ids bigint[]
) returns setof bigint
language sql volatile
rows 1
as $$
  select i.id from unnest(p_ids) as i (id)
$$;
comment on function reference.ids is
  'ids as rows, planned as if there were one: the join looks up by key';
