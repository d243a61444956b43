-- Claims up to p_limit outside legs that are due, for a worker that has these adapters: each is its
-- own until the lease ends, by a token that no claim before had [SET-042]. Once this is committed
-- they count as sent, so that nobody takes for unsent what has left [SET-041]. Returns what there
-- is to send: amount in the asset. One that was claimed as often as it may be becomes FAILED
-- [SET-043]. Locks: the legs, SKIP LOCKED. Writes: settlement.outside_legs, its events.
create or replace function settlement.claim_outside_legs(
  p_segment_id int,
  p_adapters text[],
  p_worker text,
  p_lease interval,
  p_limit int,
  p_now timestamptz
) returns table (
  leg_id bigint,
  token bigint,
  attempt int,
  adapter text,
  external_id uuid,
  kind text,
  withdrawal_id bigint,
  settlement_id bigint,
  from_client_id text,
  to_client_id text,
  asset text,
  amount numeric
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_max_attempts constant int := 20;
  v_leg settlement.outside_legs;
begin
  for v_leg in
    select l.*
    from settlement.outside_legs as l
    where l.segment_id = p_segment_id
      and l.next_attempt_at <= p_now
      and l.adapter = any (p_adapters)
    order by l.next_attempt_at, l.leg_id
    limit p_limit
    for no key update of l skip locked
  loop
    if v_leg.attempts >= c_max_attempts then
      perform settlement.fail_outside_leg(v_leg, p_worker, 'no answer to the last attempt', p_now);
      continue;
    end if;

    update settlement.outside_legs as l
    set status = 'SENT',
      attempts = l.attempts + 1,
      token = l.token + 1,
      worker = p_worker,
      leased_until = p_now + p_lease,
      next_attempt_at = p_now + p_lease
    where l.segment_id = p_segment_id
      and l.leg_id = v_leg.leg_id
    returning l.* into strict v_leg;
    perform settlement.note_outside_leg(v_leg, 'SENT', p_worker, null, p_now);

    return query
    select
      v_leg.leg_id, v_leg.token, v_leg.attempts, v_leg.adapter, v_leg.external_id, v_leg.kind,
      v_leg.withdrawal_id, v_leg.instruction_id, f.client_id, g.client_id, a.asset,
      trim_scale(m.amount)
    from settlement.outside_moves as m
    join reference.participants as f
      on f.participant_id = m.from_id
    join reference.participants as g
      on g.participant_id = m.to_id
    join reference.assets as a
      on a.asset_id = m.asset_id
    where m.segment_id = p_segment_id
      and m.leg_id = v_leg.leg_id;
  end loop;
end;
$$;
comment on function settlement.claim_outside_legs is
  'claims outside legs that are due, for a worker to send until its lease ends';
revoke execute on function settlement.claim_outside_legs from public;
grant execute on function settlement.claim_outside_legs to pgsettle_worker;
