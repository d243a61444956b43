-- Asks for a transfer that corrects the books since an earlier time [LED-034]: nothing is held or
-- moved until two others have approved it. Takes who gives and who gets, the amount in the asset,
-- since when it counts, why and who asks.
-- Writes: ledger.adjustments. Raises: NFPAR, IVPAR (to oneself), NFAST, IVAMT, IVADJ (the time is
-- in the future), STPER (it is in a closed period), IVRSN, IVOPR.
create or replace function ledger.request_adjustment(
  p_segment_id int,
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_effective_at timestamptz,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_from_id int := (reference.get_participant(p_from)).participant_id;
  v_to_id int := (reference.get_participant(p_to)).participant_id;
  v_asset reference.assets := reference.get_asset(p_asset);
  v_closed_until timestamptz;
  v_adjustment ledger.adjustments;
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  perform ledger.refuse_amount(p_amount, v_asset.decimals);
  if v_from_id = v_to_id then
    raise exception 'a participant cannot give to itself'
      using errcode = 'IVPAR', hint = 'SAME_PARTICIPANT';
  elsif (p_effective_at <= p_now and p_effective_at > '-infinity') is not true then
    raise exception 'an adjustment counts since a time that has been'
      using errcode = 'IVADJ', hint = 'BAD_ADJUSTMENT', column = 'effective_at';
  end if;
  select s.closed_until into strict v_closed_until
  from ledger.segment_state as s
  where s.segment_id = p_segment_id;
  if p_effective_at < v_closed_until then
    raise exception 'the period up to % is closed', v_closed_until
      using errcode = 'STPER', hint = 'PERIOD_CLOSED', column = 'effective_at';
  end if;

  insert into ledger.adjustments (
    segment_id, adjustment_id, asset_id, from_id, to_id, amount, effective_at, reason,
    requested_by, created_at
  )
  values (
    p_segment_id, nextval('ledger.adjustment_ids'), v_asset.asset_id, v_from_id, v_to_id, p_amount,
    p_effective_at, p_reason, p_by, p_now
  )
  returning * into strict v_adjustment;
  return v_adjustment;
end;
$$;
comment on function ledger.request_adjustment is
  'asks for a transfer that corrects the books since an earlier time';
