-- Refuses a withdrawal that is decided, or approved and on its way outside. The caller has its row
-- locked. Raises: STWDR. Reads nothing.
create or replace function ledger.refuse_decided(
  p_withdrawal ledger.withdrawals
) returns void
language plpgsql stable
as $$
begin
  if p_withdrawal.status <> 'PENDING' then
    raise exception 'withdrawal % is %', p_withdrawal.withdrawal_id, p_withdrawal.status
      using errcode = 'STWDR', hint = 'ALREADY_DECIDED';
  elsif p_withdrawal.approved_by is not null then
    raise exception 'withdrawal % is approved, and on its way outside', p_withdrawal.withdrawal_id
      using errcode = 'STWDR', hint = 'ALREADY_APPROVED';
  end if;
end;
$$;
comment on function ledger.refuse_decided is
  'refuses a withdrawal that is decided, or on its way outside';
