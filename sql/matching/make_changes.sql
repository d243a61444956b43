-- Makes the changes of accounts that changes of phase came to. Locks: accounts, in key order.
-- Raises: LKFND when somebody spent meanwhile what a stop order needed that fired: nothing is done,
-- and it can be done again.
create or replace function matching.make_changes(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns void
language plpgsql volatile
as $$
begin
  if p_changes is not null and not ledger.change_accounts(p_segment_id, p_changes) then
    raise exception 'funds were spent meanwhile'
      using errcode = 'LKFND', hint = 'FUNDS_CHANGED';
  end if;
end;
$$;
comment on function matching.make_changes is
  'makes the changes of accounts that changes of phase came to';
