-- Rejects an adjustment that is not posted [LED-034]. Takes who rejects it (who asked may take it
-- back) and why. Writes: ledger.adjustments. Locks: the adjustment.
-- Raises: NFADJ, STADJ, IVOPR, IVRSN.
create or replace function ledger.reject_adjustment(
  p_segment_id int,
  p_adjustment_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_adjustment ledger.adjustments;
begin
  perform ledger.refuse_reason(p_reason);
  perform ledger.lock_adjustment(p_segment_id, p_adjustment_id, p_by);
  update ledger.adjustments as a
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where a.segment_id = p_segment_id
    and a.adjustment_id = p_adjustment_id
  returning a.* into strict v_adjustment;
  return v_adjustment;
end;
$$;
comment on function ledger.reject_adjustment is 'rejects an adjustment that is not posted';
