-- The participant id of the house, which the first migration makes: fees go to it. Reads nothing.
create or replace function reference.house_id() returns int
language sql immutable parallel safe
as $$
  select 1
$$;
comment on function reference.house_id is 'the participant id of the house';
