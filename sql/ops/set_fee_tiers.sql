-- Sets fees by tiers, as set_fees sets one: a row a tier, of the volume of 30 days at the symbol
-- from which on it holds, in quote, the maker's rate, the taker's rate; the first from 0 on
-- [LED-042]. Without rates, '{}', it takes back what was set for the same participant and symbols.
-- Returns the schedule. Locks: the symbols. Raises: NFSYM, NFGRP, NFPAR, IVFEE.
create or replace function ops.set_fee_tiers(
  p_tiers numeric[],
  p_symbol text default null,
  p_client_id text default null,
  p_group text default null,
  p_from timestamptz default null,
  p_reason text default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns setof reference.fee_schedules
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return next matching.set_fees(
    p_segment_id, p_client_id, p_symbol, p_group, p_tiers, p_from, p_now, session_user::text,
    p_reason
  );
end;
$$;
comment on function ops.set_fee_tiers is
  'set_fee_tiers(''{{0, 0.001, 0.002}, {100000, 0, 0.001}}'', symbol, client_id): {} takes back';
revoke execute on function ops.set_fee_tiers from public;
grant execute on function ops.set_fee_tiers to pgsettle_operator;
