-- One pass over the instructions with conditions, one transaction: claims those that something may
-- have changed for, and settles what can be settled of them. When one cannot be posted, it is put
-- aside with its reason, and the others settle all the same [SET-003].
-- Returns how many were considered, how many settled in whole or in part, and how many were put
-- aside. Nothing is considered while another does so.
-- Locks: advisory (4, segment), the claimed rows, accounts in key order, last the segment's
-- counter. Raises: STISO when the transaction is not READ COMMITTED.
create or replace function settlement.settle_waiting(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  out claimed int,
  out settled int,
  out put_aside int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_done record;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'settle_waiting needs READ COMMITTED' using errcode = 'STISO';
  end if;

  v_ids := settlement.claim_conditional(p_segment_id, p_now, p_limit);
  claimed := cardinality(v_ids);
  settled := 0;
  put_aside := 0;
  if claimed = 0 then
    return;
  end if;

  begin
    settled := settlement.settle_conditional(p_segment_id, p_now, v_ids);
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    v_done := settlement.settle_apart(p_segment_id, p_now, v_ids);
    settled := v_done.settled;
    put_aside := v_done.put_aside;
  end;
end;
$$;
comment on function settlement.settle_waiting is
  'one pass over the instructions with conditions: what can be settled of them';
revoke execute on function settlement.settle_waiting from public;
grant execute on function settlement.settle_waiting to pgsettle_worker;
