-- One pass of a settlement worker, one transaction: claims up to p_limit instructions that are next
-- in line, as many that waited and are due, and those with conditions that something may have
-- changed for, and settles them. When one of them cannot be posted, they are done again one by one:
-- the others settle, that one is put aside with its reason [SET-003]. What failed before is tried
-- alone.
-- Takes the symbol to go on after (0 to begin). Returns how many were claimed, settled and put
-- aside, and the symbol after which the next call goes on. Fewer claimed than p_limit: there was no
-- more.
-- Locks: the claimed rows, marks of queues, accounts in key order, last the segment's counter.
-- Raises: STISO when the transaction is not READ COMMITTED.
create or replace function settlement.settle_batch(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  p_after_symbol_id int,
  out claimed int,
  out settled int,
  out put_aside int,
  out last_symbol_id int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_waiting record;
  v_ids bigint[];
  v_rows tid[];
  v_done record;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'settle_batch needs READ COMMITTED' using errcode = 'STISO';
  end if;

  v_waiting := settlement.claim_waiting(p_segment_id, p_now, p_limit);
  if v_waiting.due_ids <> '{}' then
    perform settlement.bring_back(p_segment_id, v_waiting.due_ids);
  end if;
  select c.instruction_ids, c.claimed_rows, c.last_symbol_id
  into v_ids, v_rows, last_symbol_id
  from settlement.claim_instructions(p_segment_id, p_limit, p_after_symbol_id) as c;
  claimed := cardinality(v_ids) + cardinality(v_waiting.failed_ids);
  settled := 0;
  put_aside := 0;

  begin
    if v_ids <> '{}' then
      settled := settlement.settle_claimed(p_segment_id, p_now, v_rows);
    end if;
    v_ids := '{}';
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    settled := 0;
  end;

  v_done := settlement.settle_singly(p_segment_id, p_now, v_ids || v_waiting.failed_ids);
  settled := settled + v_done.settled;
  put_aside := put_aside + v_done.put_aside;
end;
$$;
comment on function settlement.settle_batch is
  'one pass of a settlement worker: claim, settle, put aside what cannot be posted';
revoke execute on function settlement.settle_batch from public;
grant execute on function settlement.settle_batch to pgsettle_worker;
