-- Makes a sub-account: a participant below another, for good, so that no tree can bite its own
-- tail. It is in its parent's trade group, so that an owner's accounts are kept apart as its parent
-- is. Takes the parent, the new code and name, and how it is kept: SEGREGATED, of its parent's
-- owner, or OMNIBUS, for others [LED-035].
-- Writes: reference.participants. Raises: NFPAR, IVSUB (below the house or the world outside, or 8
-- deep already; no such custody), STPAR (the code is taken).
create or replace function reference.open_sub_account(
  p_parent text,
  p_client_id text,
  p_name text,
  p_custody text,
  p_now timestamptz
) returns reference.participants
language plpgsql volatile
as $$
declare
  c_most_levels constant int := 8;
  v_parent reference.participants := reference.get_participant(p_parent);
  v_account reference.participants;
  v_levels int;
begin
  if v_parent.kind <> 'CUSTOMER' then
    raise exception 'only a customer has sub-accounts'
      using errcode = 'IVSUB', hint = 'BAD_SUB_ACCOUNT', column = 'client_id';
  elsif (upper(p_custody) in ('SEGREGATED', 'OMNIBUS')) is not true then
    raise exception 'custody is SEGREGATED or OMNIBUS'
      using errcode = 'IVSUB', hint = 'BAD_SUB_ACCOUNT', column = 'custody';
  end if;

  with recursive up as (
    select v_parent.parent_id as participant_id, 1 as level
    union all
    select p.parent_id, u.level + 1
    from up as u
    join reference.participants as p
      on p.participant_id = u.participant_id
  )
  select max(u.level) into v_levels
  from up as u;
  if v_levels >= c_most_levels then
    raise exception 'accounts are at most % deep', c_most_levels
      using errcode = 'IVSUB', hint = 'BAD_SUB_ACCOUNT', column = 'client_id';
  end if;

  insert into reference.participants (
    client_id, name, trade_group, parent_id, custody, created_at
  )
  values (
    p_client_id, coalesce(p_name, p_client_id), v_parent.trade_group, v_parent.participant_id,
    upper(p_custody), p_now
  )
  on conflict do nothing
  returning * into v_account;
  if not found then
    raise exception 'there is a participant % already', p_client_id
      using errcode = 'STPAR', hint = 'PARTICIPANT_EXISTS', column = 'client_id';
  end if;
  return v_account;
end;
$$;
comment on function reference.open_sub_account is
  'makes a sub-account: a participant below another';
