-- Refuses what is no name of an operator: 1 to 64 letters, digits or . _ : -, as a participant's
-- code. Raises: IVOPR. Reads nothing.
create or replace function ledger.refuse_operator(
  p_by text
) returns void
language plpgsql stable
as $$
begin
  if (p_by ~ '^[A-Za-z0-9._:-]{1,64}$') is not true then
    raise exception 'an operator''s name is 1 to 64 letters, digits or . _ : -'
      using errcode = 'IVOPR', hint = 'BAD_OPERATOR', column = 'operator';
  end if;
end;
$$;
comment on function ledger.refuse_operator is 'refuses what is no name of an operator';
