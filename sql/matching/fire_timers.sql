-- Fires timers whose time has come: cancels all orders of their participants, for the timers'
-- reason, and removes the timers, in one transaction, so that each fires once [MAT-066]. Takes up
-- to p_limit of one reason, those first that are longest due; what another transaction has in hand
-- is left to it.
-- Returns how many it fired, and how many orders that cancelled.
-- Locks: the timers, SKIP LOCKED, then as matching.cancel_orders. Writes: matching.cancel_timers.
create or replace function matching.fire_timers(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  out fired int,
  out cancelled int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason matching.end_reason;
  v_participant_ids int[];
begin
  select t.reason into v_reason
  from matching.cancel_timers as t
  where t.segment_id = p_segment_id
    and t.cancel_at <= p_now
  order by t.cancel_at
  limit 1
  for update skip locked;

  with due as materialized (
    select t.participant_id, t.session_id
    from matching.cancel_timers as t
    where t.segment_id = p_segment_id
      and t.reason = v_reason
      and t.cancel_at <= p_now
    order by t.cancel_at, t.participant_id
    limit p_limit
    for update skip locked
  ), gone as (
    delete from matching.cancel_timers as t
    using due as d
    where t.segment_id = p_segment_id
      and t.reason = v_reason
      and t.participant_id = d.participant_id
      and t.session_id = d.session_id
    returning t.participant_id
  )
  select count(*), array_agg(distinct g.participant_id) into fired, v_participant_ids
  from gone as g;

  select count(*) into cancelled
  from matching.cancel_orders(
    p_segment_id, coalesce(v_participant_ids, '{}'), null, null, null, null, v_reason, p_now
  );
end;
$$;
comment on function matching.fire_timers is
  'cancels the orders of participants whose timers have come to their end';
revoke execute on function matching.fire_timers from public;
grant execute on function matching.fire_timers to pgsettle_worker;
