-- The row of a withdrawal, locked to the end of the transaction, for whoever decides about it:
-- the second one sees what the first one did. Raises: NFWDR when there is none, IVOPR.
create or replace function ledger.lock_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals;
begin
  perform ledger.refuse_operator(p_by);
  select w.* into v_withdrawal
  from ledger.withdrawals as w
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  for no key update of w;

  if not found then
    raise exception 'there is no withdrawal %', p_withdrawal_id
      using errcode = 'NFWDR', hint = 'UNKNOWN_WITHDRAWAL';
  end if;
  return v_withdrawal;
end;
$$;
comment on function ledger.lock_withdrawal is 'the row of a withdrawal, locked to be decided about';
