-- Changes of accounts with more of them, one an account; null for none. Reads nothing.
create or replace function ledger.add_changes(
  p_changes ledger.account_change[],
  p_more ledger.account_change[]
) returns ledger.account_change[]
language plpgsql immutable
as $$
begin
  if p_changes is null then
    return p_more;
  elsif p_more is null then
    return p_changes;
  end if;
  return ledger.sum_changes(p_changes || p_more);
end;
$$;
comment on function ledger.add_changes is 'changes of accounts with more of them, one an account';
