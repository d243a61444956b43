-- Cancels what is left of an instruction that no trade of the venue made, on the word of both its
-- sides. What is final of it stays. Locks: its row, links. Writes: settlement.waiting_instructions,
-- cancelled_instructions, links, events, ledger.waits.
-- Raises: NFINS, STINS; STTRD for a trade of the venue, which is locked in, or its reversal.
create or replace function settlement.cancel_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  c_first_trade_id constant bigint := 1000000000000;
  v_instruction settlement.waiting_instructions :=
    settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
begin
  if v_instruction.is_prefunded or p_instruction_id > c_first_trade_id or exists (
    select
    from settlement.reversals as r
    where r.segment_id = p_segment_id
      and r.reversal_id = p_instruction_id
  ) then
    raise exception 'instruction % is of a trade of the venue: it is locked in', p_instruction_id
      using errcode = 'STTRD', hint = 'LOCKED_IN';
  end if;

  perform settlement.remove_instruction(v_instruction, p_reason, p_by, p_now);
end;
$$;
comment on function settlement.cancel_instruction is
  'cancels what is left of an instruction that no trade of the venue made';
