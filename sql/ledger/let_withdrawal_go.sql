-- Approves a withdrawal whose amount is to leave through an outside leg: it stays held until that
-- ends [LED-020], and who approves may not be who asked [LED-022]. Returns its row.
-- Writes: ledger.withdrawals. Locks: the withdrawal. Raises: NFWDR, IVOPR, RJSLF, STWDR.
create or replace function ledger.let_withdrawal_go(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
begin
  perform ledger.refuse_approval(v_withdrawal, p_by);

  update ledger.withdrawals as w
  set approved_by = p_by,
    approved_at = p_now
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  returning w.* into strict v_withdrawal;
  return v_withdrawal;
end;
$$;
comment on function ledger.let_withdrawal_go is
  'approves a withdrawal that leaves through an outside leg; it stays held';
