-- Opens a closed period again, and all behind it, so that it takes postings [LED-030]. Who did it
-- and why stays with it; closed again it is another period, with another number.
-- Takes the number, who and why. Returns how many periods are open again.
-- Locks: the segment's row of ledger.segment_state. Writes: it, ledger.periods.
-- Raises: IVOPR, IVRSN (no reason), NFPER, STPER (it is open again already).
create or replace function ledger.reopen_period(
  p_segment_id int,
  p_period_no int,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_period ledger.periods;
  v_count int;
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  perform
  from ledger.segment_state as s
  where s.segment_id = p_segment_id
  for no key update of s;
  select p.* into v_period
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no;
  if not found then
    raise exception 'there is no period %', p_period_no
      using errcode = 'NFPER', hint = 'UNKNOWN_PERIOD', column = 'period_no';
  elsif v_period.reopened_at is not null then
    raise exception 'period % was opened again', p_period_no
      using errcode = 'STPER', hint = 'PERIOD_OPEN';
  end if;

  update ledger.periods as p
  set reopened_at = p_now,
    reopened_by = p_by,
    reopen_reason = p_reason
  where p.segment_id = p_segment_id
    and p.ends_at >= v_period.ends_at
    and p.reopened_at is null;
  get diagnostics v_count = row_count;
  update ledger.segment_state as s
  set closed_until = v_period.starts_at
  where s.segment_id = p_segment_id;
  return v_count;
end;
$$;
comment on function ledger.reopen_period is
  'opens a closed period and all behind it again; who did and why stays with it';
