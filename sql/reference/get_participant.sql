-- The row of a participant by its code. Reads only. Raises NFPAR when there is none.
create or replace function reference.get_participant(
  p_client_id text
) returns reference.participants
language plpgsql stable
as $$
declare
  v_participant reference.participants;
begin
  select p.* into v_participant
  from reference.participants as p
  where p.client_id = p_client_id;

  if not found then
    raise exception 'there is no participant %', p_client_id
      using errcode = 'NFPAR', hint = 'UNKNOWN_PARTICIPANT', column = 'client_id';
  end if;

  return v_participant;
end;
$$;
comment on function reference.get_participant is
  'the row of a participant by its code; NFPAR when there is none';
