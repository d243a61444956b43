-- Settles what can be settled of claimed instructions with conditions, as one journal, and writes
-- what the others wait for [SET-006]. Returns how many settled, in whole or in part.
-- Locks: the accounts of all of them in key order, last the segment's counter. Writes: all of the
-- settlement, ledger.waits.
create or replace function settlement.settle_conditional(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_candidates settlement.candidate[] :=
    settlement.judge_conditions(p_segment_id, p_now, p_instruction_ids);
  v_moves record := settlement.candidate_moves(v_candidates);
  v_available numeric[] := ledger.lock_accounts(
    p_segment_id, v_moves.participant_ids, v_moves.asset_ids
  );
  v_units record;
  v_parts settlement.part[];
  v_late settlement.part[];
  v_journal_id bigint;
begin
  delete from ledger.waits as w
  using unnest(p_instruction_ids) as c (id)
  where w.segment_id = p_segment_id
    and w.waiter_id = c.id;

  v_units := settlement.choose_units(
    (select coalesce(max(c.unit_no), 0) from unnest(v_candidates) as c),
    coalesce(v_moves.moves, '{}'), v_available
  );
  v_late := settlement.choose_parts(
    p_segment_id, v_candidates, v_units.chosen, v_moves.participant_ids, v_moves.asset_ids,
    v_units.p_available
  );
  v_parts := array(
    select c.part
    from unnest(v_candidates) as c
    where c.reason is null
      and v_units.chosen[c.unit_no]
  ) || v_late;
  if cardinality(v_parts) > 0 then
    v_journal_id := nextval('ledger.journal_ids');
    perform settlement.post_parts(p_segment_id, p_now, v_journal_id, v_parts);
  end if;
  perform settlement.note_reasons(p_segment_id, p_now, v_candidates, v_late);
  perform settlement.wake_linked(p_segment_id, p_now, v_parts);
  if cardinality(v_parts) > 0 then
    perform ledger.post_journal(
      p_segment_id, v_journal_id, settlement.journal_kind(p_segment_id, v_parts), p_now,
      array(select p.instruction_id from unnest(v_parts) as p),
      ledger.posted_lines(p_segment_id, v_journal_id, p_now)
    );
  end if;
  return cardinality(v_parts);
end;
$$;
comment on function settlement.settle_conditional is
  'settles what can be settled of instructions with conditions';
