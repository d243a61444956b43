-- The orders that a command of this batch left parked, as the batch leaves them. Reads nothing.
create or replace function matching.parked_slots(
  p_outcome matching.outcome
) returns setof matching.final_order
language sql immutable
rows 10
as $$
  select f.*
  from matching.final_orders(p_outcome) as f
  where f.pending is not null
    and f.remaining > 0
    and f.slot <= cardinality(p_outcome.asked)
$$;
comment on function matching.parked_slots is 'the orders that a command of a batch left parked';
