-- Approves a withdrawal. Of an asset that settles outside, an outside leg is made for it, and it
-- stays held until that is confirmed, which posts it, or voided, which gives it back [SET-040]. Of
-- any other it is posted. Returns its row. The same approval again answers as the first time.
-- Writes: ledger.withdrawals; settlement.outside_legs and its events, or what posting writes.
-- Locks: the withdrawal; where it is posted the accounts, segment_state.
-- Raises: NFWDR, IVOPR, RJSLF (who asked), STWDR (it is decided, or approved, already).
create or replace function settlement.approve_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
  v_outside settlement.outside_assets;
begin
  select o.* into v_outside
  from settlement.outside_assets as o
  where o.segment_id = p_segment_id
    and o.asset_id = v_withdrawal.asset_id;

  -- What is decided or on its way already, the ledger answers for.
  if not found or v_withdrawal.status <> 'PENDING' or v_withdrawal.approved_by is not null then
    return ledger.approve_withdrawal(p_segment_id, p_withdrawal_id, p_by, p_now);
  end if;

  v_withdrawal := ledger.let_withdrawal_go(p_segment_id, p_withdrawal_id, p_by, p_now);
  perform settlement.reserve_outside_leg(
    v_outside, 'WITHDRAWAL', p_withdrawal_id, v_withdrawal.requested_by, p_by, p_now
  );
  return v_withdrawal;
end;
$$;
comment on function settlement.approve_withdrawal is
  'approves a withdrawal: posts it, or lets it leave through an outside leg';
