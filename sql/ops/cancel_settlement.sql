-- Cancels what is left of an instruction that no trade of the venue made, both sides having said
-- so. Raises: NFINS, STINS, STTRD.
create or replace function ops.cancel_settlement(
  p_id bigint,
  p_reason text,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.cancel_instruction(p_segment_id, p_id, p_reason, p_by, p_now);
end;
$$;
comment on function ops.cancel_settlement is
  'cancel_settlement(id, reason): cancels an instruction that no trade of the venue made';
revoke execute on function ops.cancel_settlement from public;
grant execute on function ops.cancel_settlement to pgsettle_operator;
