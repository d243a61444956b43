-- Orders that a batch leaves as rows; planned as if there were one, for the reason that
-- reference.ids gives.
create or replace function matching.resting_orders(
  p_orders matching.final_order[]
) returns setof matching.final_order
language sql volatile
rows 1
as $$
  select o.* from unnest(p_orders) as o
$$;
comment on function matching.resting_orders is 'orders that a batch leaves, as rows';
