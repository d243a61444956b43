-- Sets a maker's and a taker's rate from a time on, of the notional, a rebate below 0: for
-- everybody or one participant, at all symbols, one symbol or a group. The most specific schedule
-- counts [LED-040]; this one takes the place of the one for the same participant and symbols.
-- Returns the schedule. Locks: the symbols. Raises: NFSYM, NFGRP, NFPAR, IVFEE.
create or replace function ops.set_fees(
  p_maker_rate numeric,
  p_taker_rate numeric,
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
    p_segment_id, p_client_id, p_symbol, p_group, array[array[0, p_maker_rate, p_taker_rate]],
    p_from, p_now, session_user::text, p_reason
  );
end;
$$;
comment on function ops.set_fees is
  'set_fees(maker_rate, taker_rate, symbol, client_id, group, from): null: all; the closest counts';
revoke execute on function ops.set_fees from public;
grant execute on function ops.set_fees to pgsettle_operator;
