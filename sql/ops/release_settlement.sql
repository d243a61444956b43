-- Lets an instruction settle again on the word of one side, BUYER or SELLER: all of it, or so much
-- more, in base. Raises: NFINS, STINS, IVSID, IVQTY.
create or replace function ops.release_settlement(
  p_id bigint,
  p_side text,
  p_quantity numeric default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns settlement.instruction_status
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (settlement.release_instruction(
    p_segment_id, p_id, reference.is_buyer(p_side), p_quantity, p_now
  )).status;
end;
$$;
comment on function ops.release_settlement is
  'release_settlement(id, side, quantity): lets an instruction settle again, all or so much';
revoke execute on function ops.release_settlement from public;
grant execute on function ops.release_settlement to pgsettle_operator;
