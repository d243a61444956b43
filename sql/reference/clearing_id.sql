-- The participant id of the clearing account, through which windows settle. Reads only.
create or replace function reference.clearing_id() returns int
language sql stable
as $$
  select p.participant_id
  from reference.participants as p
  where p.kind = 'CLEARING'
$$;
comment on function reference.clearing_id is 'the participant id of the clearing account';
