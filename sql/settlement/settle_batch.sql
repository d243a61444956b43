-- One pass of a settlement worker: claims up to p_limit due instructions and settles them, in one
-- transaction. When one of them cannot be posted, the batch is done again one by one: the others
-- settle, that one is put aside with its reason [SET-003].
-- Takes the id to go on after (0 to begin). Returns how many were claimed, settled and put aside,
-- and the last id, from which the next call goes on.
-- Locks: the claimed rows, accounts in key order, last the segment's counter.
-- Raises: STISO when the transaction is not READ COMMITTED.
create or replace function settlement.settle_batch(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  p_after_id bigint,
  out claimed int,
  out settled int,
  out put_aside int,
  out last_id bigint
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_id bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'settle_batch needs READ COMMITTED' using errcode = 'STISO';
  end if;

  v_ids := settlement.claim_instructions(p_segment_id, p_now, p_limit, p_after_id);
  claimed := cardinality(v_ids);
  settled := 0;
  put_aside := 0;
  last_id := coalesce(v_ids[claimed], 0);
  if claimed = 0 then
    return;
  end if;

  begin
    settled := settlement.settle_instructions(p_segment_id, p_now, v_ids);
    return;
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    settled := 0;
  end;

  foreach v_id in array v_ids loop
    begin
      settled := settled + settlement.settle_instructions(p_segment_id, p_now, array[v_id]);
    exception when integrity_constraint_violation or data_exception or raise_exception
      or sqlstate 'NVACC' then
      perform settlement.put_aside(p_segment_id, p_now, v_id, sqlstate || ' ' || sqlerrm);
      put_aside := put_aside + 1;
    end;
  end loop;
end;
$$;
comment on function settlement.settle_batch is
  'one pass of a settlement worker: claim, settle, put aside what cannot be posted';
revoke execute on function settlement.settle_batch from public;
grant execute on function settlement.settle_batch to pgsettle_worker;
