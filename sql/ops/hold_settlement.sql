-- Stops an instruction on the word of one side, BUYER or SELLER, until that side releases it.
-- Raises: NFINS, STINS, IVSID.
create or replace function ops.hold_settlement(
  p_id bigint,
  p_side text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns settlement.instruction_status
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (settlement.release_instruction(
    p_segment_id, p_id, reference.is_buyer(p_side), 0, p_now
  )).status;
end;
$$;
comment on function ops.hold_settlement is
  'hold_settlement(id, side): stops an instruction on the word of its buyer or seller';
revoke execute on function ops.hold_settlement from public;
grant execute on function ops.hold_settlement to pgsettle_operator;
