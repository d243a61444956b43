-- Cancels the open orders, the parked ones too, of participants, of one symbol, side or range of
-- limit prices when given, for this reason, in one transaction. The locks of all symbols are taken
-- first, in their order, then those of all their accounts.
-- Returns the ids that it cancelled, in book order, parked ones behind [MAT-064].
-- Locks: symbols, then accounts.
create or replace function matching.cancel_orders(
  p_segment_id int,
  p_participant_ids int[],
  p_symbol_id int,
  p_side matching.order_side_enum,
  p_min_price numeric,
  p_max_price numeric,
  p_reason matching.end_reason,
  p_now timestamptz
) returns setof bigint
language plpgsql volatile
as $$
declare
  v_symbol_ids int[];
  v_symbol_id int;
  v_commands matching.command[];
  v_executed matching.executed;
begin
  select array_agg(s.symbol_id order by s.symbol_id) into v_symbol_ids
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
    and s.symbol_id = coalesce(p_symbol_id, s.symbol_id)
    and exists (
      select from matching.standing_orders(p_segment_id, p_participant_ids, s.symbol_id)
    );

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    perform matching.lock_symbol(p_segment_id, v_symbol_id);
  end loop;

  -- All at once and in their order: symbol by symbol, the second could have the first accounts.
  perform
  from ledger.accounts as a
  where a.segment_id = p_segment_id
    and a.participant_id = any (p_participant_ids)
  order by a.participant_id, a.asset_id
  for no key update;

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    select array_agg(
      matching.cancel_command(o.order_id, p_reason)
      order by o.is_parked, o.side, o.sort_price, o.priority_no
    )
    into v_commands
    from matching.standing_orders(p_segment_id, p_participant_ids, v_symbol_id) as o
    where o.side = coalesce(p_side, o.side)
      and (abs(o.sort_price) >= p_min_price or p_min_price is null)
      and (abs(o.sort_price) <= p_max_price or p_max_price is null);

    continue when v_commands is null;
    v_executed := matching.execute_batch(v_symbol_id, p_now, v_commands);
    return query
    select c.order_id
    from (select u.order_id, row_number() over () as n from unnest(v_commands) as u) as c
    join unnest((v_executed.outcome).refusals) with ordinality as r (refusal, n)
      on r.n = c.n
    where coalesce(r.refusal, 'ALREADY_CANCELLED') = 'ALREADY_CANCELLED'
    order by c.n;
  end loop;
end;
$$;
comment on function matching.cancel_orders is
  'cancels the open orders of participants in one transaction';
