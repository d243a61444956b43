-- Refuses what is no reason: 1 to 500 characters. Raises: IVRSN. Reads nothing.
create or replace function ledger.refuse_reason(
  p_reason text
) returns void
language plpgsql stable
as $$
begin
  if (length(trim(p_reason)) between 1 and 500) is not true then
    raise exception 'a decision has a reason of 1 to 500 characters'
      using errcode = 'IVRSN', hint = 'REASON_MISSING', column = 'reason';
  end if;
end;
$$;
comment on function ledger.refuse_reason is 'refuses what is no reason';
