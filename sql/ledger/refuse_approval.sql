-- Refuses to approve a withdrawal that is decided or on its way outside, or that the same person
-- asked for [LED-022]. The caller has its row locked. Raises: STWDR, RJSLF. Reads nothing.
create or replace function ledger.refuse_approval(
  p_withdrawal ledger.withdrawals,
  p_by text
) returns void
language plpgsql stable
as $$
begin
  perform ledger.refuse_decided(p_withdrawal);
  if lower(p_withdrawal.requested_by) = lower(p_by) then
    raise exception 'who asked for a withdrawal may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  end if;
end;
$$;
comment on function ledger.refuse_approval is
  'refuses to approve a withdrawal twice, or by who asked for it';
