-- The row of an adjustment that is to be decided about, locked to the end of the transaction.
-- Raises: NFADJ when there is none, STADJ when it is decided already, IVOPR.
create or replace function ledger.lock_adjustment(
  p_segment_id int,
  p_adjustment_id bigint,
  p_by text
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_adjustment ledger.adjustments;
begin
  perform ledger.refuse_operator(p_by);
  select a.* into v_adjustment
  from ledger.adjustments as a
  where a.segment_id = p_segment_id
    and a.adjustment_id = p_adjustment_id
  for no key update of a;

  if not found then
    raise exception 'there is no adjustment %', p_adjustment_id
      using errcode = 'NFADJ', hint = 'UNKNOWN_ADJUSTMENT';
  elsif v_adjustment.status <> 'PENDING' then
    raise exception 'adjustment % is %', p_adjustment_id, v_adjustment.status
      using errcode = 'STADJ', hint = 'ALREADY_DECIDED';
  end if;
  return v_adjustment;
end;
$$;
comment on function ledger.lock_adjustment is 'an adjustment, locked to be decided about';
