-- Sets the fees that hold from a time on: for a participant or everybody (null), at a symbol, a
-- group of symbols, or all of the segment (both null). Nothing is changed: the schedule takes the
-- place of the one for the same participant and the same symbols, and without rates takes it back
-- [LED-041].
-- Takes the rates, a row a tier: from which volume of 30 days on, in quote, the maker's rate, the
-- taker's rate; the first from 0 on. Null: from now on.
-- Returns the schedule. It begins behind all that was traded at its symbols so far, so that what a
-- trade was charged never depends on when its schedule was set. Locks: the symbols, in the order
-- of their ids. Writes: reference.fee_schedules and fee_rates, and what matching.fold_volumes
-- does. Raises: NFSYM, NFGRP, NFPAR, IVFEE.
create or replace function matching.set_fees(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_group text,
  p_tiers numeric[],
  p_from timestamptz,
  p_now timestamptz,
  p_set_by text,
  p_reason text
) returns reference.fee_schedules
language plpgsql volatile
as $$
declare
  v_schedule reference.fee_schedules;
  v_symbol reference.symbols;
begin
  perform reference.check_fees(p_symbol, p_group, p_tiers, p_from, p_now);
  v_schedule.participant_id := (select (reference.get_participant(p_client_id)).participant_id
    where p_client_id is not null);
  v_schedule.symbol_id := (select (reference.get_symbol(p_segment_id, p_symbol)).symbol_id
    where p_symbol is not null);
  v_schedule.group_id := (select (reference.get_symbol_group(p_group)).group_id
    where p_group is not null);

  v_schedule.effective_from := coalesce(p_from, p_now);
  for v_symbol in
    select s.*
    from reference.symbols as s
    where s.segment_id = p_segment_id
      and coalesce(s.symbol_id = v_schedule.symbol_id, s.group_id = v_schedule.group_id,
        num_nonnulls(p_symbol, p_group) = 0)
    order by s.symbol_id
  loop
    v_schedule.effective_from := greatest(v_schedule.effective_from,
      (matching.lock_symbol(p_segment_id, v_symbol.symbol_id)).last_at + interval '1 microsecond');
  end loop;

  insert into reference.fee_schedules (
    segment_id, participant_id, symbol_id, group_id, effective_from, set_by, reason, created_at
  )
  values (
    p_segment_id, v_schedule.participant_id, v_schedule.symbol_id, v_schedule.group_id,
    v_schedule.effective_from, p_set_by, p_reason, p_now
  )
  returning * into strict v_schedule;
  insert into reference.fee_rates (segment_id, schedule_id, min_volume, maker_rate, taker_rate)
  select p_segment_id, v_schedule.schedule_id, p_tiers[i.n][1], p_tiers[i.n][2], p_tiers[i.n][3]
  from generate_subscripts(p_tiers, 1) as i (n)
  order by p_tiers[i.n][1];
  perform reference.check_rebates(p_segment_id, v_schedule.effective_from);
  return v_schedule;
end;
$$;
comment on function matching.set_fees is 'sets the fees that hold from a time on';
