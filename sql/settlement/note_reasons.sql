-- Writes what considered instructions that are left wait for, and until when. Who lacks money or
-- assets waits for them to come to the account [SET-006]; the accounts are locked, so that nothing
-- can come unseen; what late parts brought came after all was decided, and has come already: who
-- lacks nothing any more is looked at again, in the next pass.
-- Writes: settlement.waiting_instructions, events, ledger.waits.
create or replace function settlement.note_reasons(
  p_segment_id int,
  p_now timestamptz,
  p_candidates settlement.candidate[],
  p_late settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  with needs as materialized (
    select n.* from settlement.unit_needs(p_candidates) as n
  ), judged as (
    select
      i.instruction_id, i.reason as old_reason, c.next_attempt_at,
      coalesce(c.reason, settlement.unmet_reason(i, p_now), case
        when settlement.lacks(p_segment_id, i.seller_id, i.base_asset_id,
          coalesce(b.amount, r.quantity)) then 'LACK_ASSET'::settlement.pending_reason
        when settlement.lacks(p_segment_id, i.buyer_id, i.quote_asset_id,
          coalesce(q.amount, r.notional + r.buyer_fee)) then 'LACK_CASH'
        when r.buyer_fee + r.seller_fee < 0 and settlement.lacks(p_segment_id,
          reference.house_id(), i.quote_asset_id, -r.buyer_fee - r.seller_fee) then 'LACK_CASH'
        end) as reason,
      case when count(*) over (partition by c.unit_no) = 1 then 'LACK_ASSET'
        else 'LINKED' end::settlement.pending_reason as past_reason
    from unnest(p_candidates) as c
    join settlement.waiting_instructions as i
      on i.segment_id = p_segment_id
      and i.instruction_id = c.instruction_id
    join reference.symbols as s
      on s.symbol_id = i.symbol_id
    cross join lateral settlement.part_of(
      i, least(i.buyer_released, i.seller_released, i.quantity) - i.settled_quantity,
      s.quote_decimals
    ) as r
    left join needs as b
      on (b.unit_no, b.participant_id, b.asset_id) = (c.unit_no, i.seller_id, i.base_asset_id)
    left join needs as q
      on (q.unit_no, q.participant_id, q.asset_id) = (c.unit_no, i.buyer_id, i.quote_asset_id)
  ), changed as (
    update settlement.waiting_instructions as i
    set reason = coalesce(j.reason, j.past_reason),
      problem = null,
      next_attempt_at = case when j.reason is null and cardinality(p_late) > 0 then p_now
        else coalesce(j.next_attempt_at, 'infinity') end
    from judged as j
    where i.segment_id = p_segment_id
      and i.instruction_id = j.instruction_id
    returning i.*
  ), told as (
    insert into settlement.instruction_events (segment_id, instruction_id, at, kind, reason)
    select p_segment_id, j.instruction_id, p_now, 'WAITS', coalesce(j.reason, j.past_reason)
    from judged as j
    where coalesce(j.reason, j.past_reason) <> j.old_reason
  )
  insert into ledger.waits (segment_id, participant_id, asset_id, waiter_id, has_come)
  select p_segment_id, a.participant_id, a.asset_id, c.instruction_id, exists (
    select
    from unnest(settlement.part_changes(p_late)) as l
    where l.participant_id = a.participant_id
      and l.asset_id = a.asset_id
      and l.posted > l.held
  )
  from changed as c
  cross join lateral (
    values
      (c.seller_id, c.base_asset_id), (c.buyer_id, c.quote_asset_id),
      (case when c.buyer_fee + c.seller_fee < 0 then reference.house_id() end, c.quote_asset_id)
  ) as a (participant_id, asset_id)
  where c.reason in ('LACK_ASSET', 'LACK_CASH')
    and a.participant_id is not null
  on conflict do nothing;
end;
$$;
comment on function settlement.note_reasons is 'writes what considered instructions wait for';
