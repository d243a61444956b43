-- Undoes what a trade left to settle, and what it settled, in this transaction [BST-005]: what
-- waits, in a window that is not settled as well, is cancelled and its holds end; what is final, by
-- itself, in part or by the net of a window, is given back by a reversal, at once where everybody
-- can pay. The trade that takes its place, if one does, settles where that was, funded like it if
-- its sides can hold what it takes; and in one journal with a reversal, so that only the
-- differences move [BST-007].
-- The caller has the lock of the symbol, and before that advisory (4, segment).
-- Locks: the instruction and those linked with it; the accounts of both sides and of the house, in
-- key order; last the segment's counter. Writes: all of the settlement.
create or replace function clearing.bust_trade(
  p_segment_id int,
  p_trade_id bigint,
  p_in_place clearing.captured_trade,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_rest settlement.waiting_instructions := settlement.take_out(p_segment_id, p_trade_id);
  v_final settlement.part := settlement.final_part(p_segment_id, p_trade_id, v_rest);
  v_new settlement.waiting_instructions;
  v_released ledger.account_change[];
  v_reversal_id bigint;
begin
  perform clearing.lock_parties(p_segment_id, v_final);
  if v_rest.instruction_id is not null then
    perform settlement.cancel_rest(v_rest, p_by, p_in_place.trade_id, p_now);
  end if;
  if v_rest.is_prefunded then
    v_released := settlement.part_holds(settlement.part_of(
      v_rest, v_rest.quantity - v_rest.settled_quantity, 0
    ), -1);
  end if;
  if v_final.quantity > 0 then
    v_reversal_id := settlement.reverse(p_segment_id, v_final, p_now);
  end if;

  if p_in_place.trade_id is not null then
    v_new := clearing.instruction_in_place(v_rest, v_final, p_in_place, p_segment_id, p_now);
    v_new.is_prefunded := v_reversal_id is null and ledger.change_accounts(
      p_segment_id, ledger.sum_changes(v_released || settlement.part_holds(
        settlement.part_of(v_new, v_new.quantity, 0), 1
      ))
    );
    if not v_new.is_prefunded then
      v_new.is_conditional := v_new.is_conditional or v_new.netting_set is null;
    end if;
    perform settlement.put_in_place(v_new, p_now);
  end if;

  if v_released is not null and v_new.is_prefunded is not true
    and not ledger.change_accounts(p_segment_id, ledger.sum_changes(v_released)) then
    raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
  end if;
  if v_reversal_id is not null then
    insert into settlement.links (segment_id, instruction_id, link, other_id)
    select p_segment_id, l.id, 'WITH', l.other_id
    from (values (v_reversal_id, v_new.instruction_id), (v_new.instruction_id, v_reversal_id))
      as l (id, other_id)
    where v_new.instruction_id is not null;
    perform settlement.settle_conditional(
      p_segment_id, p_now, array_remove(array[v_reversal_id, v_new.instruction_id], null)
    );
  end if;
end;
$$;
comment on function clearing.bust_trade is
  'undoes what a trade left to settle, and what it settled';
