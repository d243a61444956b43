-- Cancels all open orders of a participant, of one symbol or side when given, in one transaction.
-- The locks of all symbols are taken first, in their order, then those of all its accounts.
-- Returns the ids that it cancelled, in book order. Locks: symbols, then accounts.
create or replace function matching.cancel_orders(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int,
  p_side matching.order_side_enum,
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
      select from matching.book as b
      where b.segment_id = p_segment_id
        and b.participant_id = p_participant_id
        and b.symbol_id = s.symbol_id
    );

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    perform matching.lock_symbol(p_segment_id, v_symbol_id);
  end loop;

  -- All at once and in their order: symbol by symbol, the second could have the first accounts.
  perform
  from ledger.accounts as a
  where a.segment_id = p_segment_id
    and a.participant_id = p_participant_id
  order by a.asset_id
  for no key update;

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    select array_agg(
      row('CANCEL', null, null, null, null, null, null, null, null, b.order_id)::matching.command
      order by b.side, b.sort_price, b.priority_no
    )
    into v_commands
    from matching.book as b
    where b.segment_id = p_segment_id
      and b.participant_id = p_participant_id
      and b.symbol_id = v_symbol_id
      and b.side = coalesce(p_side, b.side);

    continue when v_commands is null;
    v_executed := matching.execute_batch(v_symbol_id, p_now, v_commands);
    return query
    select e.order_id
    from unnest((v_executed.outcome).order_ids) with ordinality as e (order_id, n)
    where e.order_id is not null
    order by e.n;
  end loop;
end;
$$;
comment on function matching.cancel_orders is
  'cancels all open orders of a participant in one transaction';
