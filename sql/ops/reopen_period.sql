-- Opens a closed period again, and all behind it; see ledger.reopen_period. Returns how many.
--   select reopen_period(7, 'a deposit was booked twice');
-- Raises: IVOPR, IVRSN, NFPER, STPER.
create or replace function ops.reopen_period(
  p_period_no int,
  p_reason text,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns int
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return ledger.reopen_period(p_segment_id, p_period_no, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reopen_period is
  'reopen_period(period, reason): opens a closed period and all behind it again';
revoke execute on function ops.reopen_period from public;
grant execute on function ops.reopen_period to pgsettle_operator;
