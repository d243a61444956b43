-- What became of an outside leg that a worker sent: CONFIRMED or VOIDED by the receiver ends it;
-- ACCEPTED waits for the result, and is sent again when none comes in time; RETRY is sent again,
-- later after each attempt; REFUSED is FAILED until a person decides [SET-043].
-- Takes the token of the claim: one that is older than the last is refused, whatever it says, for
-- whoever has the leg now will hear the same [SET-042]. What has ended meanwhile stays so. Returns
-- the status that stands. Writes: settlement.outside_legs, its events, what posting or giving back
-- writes. Locks: the leg; where it ends the withdrawal, the accounts, segment_state.
-- Raises: NFLEG, STTOK (old token), IVOUT (no such outcome).
create or replace function settlement.report_outside_leg(
  p_segment_id int,
  p_leg_id bigint,
  p_token bigint,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_leg settlement.outside_legs := settlement.lock_outside_leg(p_segment_id, p_leg_id);
  v_by text := 'outside:' || v_leg.adapter;
begin
  if (v_leg.token = p_token) is not true then
    raise exception 'outside leg % has token %, not %', p_leg_id, v_leg.token, p_token
      using errcode = 'STTOK', hint = 'OLD_TOKEN';
  elsif p_outcome in ('CONFIRMED', 'VOIDED') then
    return settlement.hear_receiver(v_leg, p_outcome, p_reason, p_reference, p_now);
  elsif (p_outcome in ('RETRY', 'REFUSED', 'ACCEPTED')) is not true then
    raise exception 'an outside leg is not %', p_outcome
      using errcode = 'IVOUT', hint = 'BAD_OUTCOME', column = 'outcome';
  elsif v_leg.status <> 'SENT' then
    return v_leg.status;
  elsif p_outcome = 'REFUSED' then
    perform settlement.fail_outside_leg(v_leg, v_by, p_reason, p_now);
    return 'FAILED';
  end if;

  update settlement.outside_legs as l
  set worker = null,
    leased_until = null,
    reason = left(p_reason, 500),
    reference = coalesce(left(p_reference, 200), l.reference),
    next_attempt_at = p_now + case p_outcome
      when 'ACCEPTED' then l.answer_within
      else settlement.retry_delay(l.attempts, l.leg_id) end
  where l.segment_id = p_segment_id
    and l.leg_id = p_leg_id;
  perform settlement.note_outside_leg(v_leg, p_outcome, v_by, left(p_reason, 500), p_now);
  return 'SENT';
end;
$$;
comment on function settlement.report_outside_leg is
  'what became of an outside leg that a worker sent, by the token of its claim';
revoke execute on function settlement.report_outside_leg from public;
grant execute on function settlement.report_outside_leg to pgsettle_worker;
