-- The participant id of the outside world, which the first migration makes: deposits come from it.
-- Reads nothing.
create or replace function reference.external_id() returns int
language sql immutable parallel safe
as $$
  select 2
$$;
comment on function reference.external_id is 'the participant id of the outside world';
