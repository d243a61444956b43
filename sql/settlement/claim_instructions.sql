-- Claims up to p_limit of what is next in line, for this transaction: symbol after symbol, from the
-- one behind p_after_symbol_id on, and round, each in the order of its trades. What another worker
-- has claimed is passed over; the claim ends with the transaction, so a killed worker leaves
-- nothing behind [SET-001]. Returns their ids and places, and the symbol that the claim ended at.
-- A symbol's walk begins at its mark, not at the first row that is gone [SET-005].
-- Locks: the claimed rows. The CTE is materialized: without it a nested loop can claim more than
-- the limit (measured on PostgreSQL 15: 200 rows for a limit of 5). No sequential scan: the plan
-- may be older than the rows.
create or replace function settlement.claim_instructions(
  p_segment_id int,
  p_limit int,
  p_after_symbol_id int,
  out instruction_ids bigint[],
  out claimed_rows tid[],
  out last_symbol_id int
)
language plpgsql volatile
set enable_seqscan = off
as $$
declare
  c_stride constant bigint := 4000;
  v_queue settlement.queues;
  v_first_id bigint;
  v_ids bigint[];
  v_rows tid[];
begin
  instruction_ids := '{}';
  claimed_rows := '{}';
  last_symbol_id := p_after_symbol_id;
  for v_queue in
    select q.*
    from settlement.queues as q
    where q.segment_id = p_segment_id
      and exists (
        select
        from settlement.pending_instructions as i
        where i.segment_id = q.segment_id
          and i.instruction_id > q.low_id
          and i.instruction_id <= q.high_id
      )
    order by q.symbol_id <= p_after_symbol_id, q.symbol_id
  loop
    with claimed as materialized (
      select i.instruction_id, i.ctid as tid
      from settlement.pending_instructions as i
      where i.segment_id = v_queue.segment_id
        and i.instruction_id > v_queue.low_id
        and i.instruction_id <= v_queue.high_id
      order by i.instruction_id
      limit p_limit - cardinality(instruction_ids)
      for update skip locked
    )
    select min(c.instruction_id), array_agg(c.instruction_id), array_agg(c.tid)
    into v_first_id, v_ids, v_rows
    from claimed as c;

    if v_first_id > v_queue.low_id + c_stride then
      perform settlement.raise_mark(p_segment_id, v_queue.symbol_id);
    end if;
    instruction_ids := instruction_ids || v_ids;
    claimed_rows := claimed_rows || v_rows;
    last_symbol_id := v_queue.symbol_id;
    exit when cardinality(instruction_ids) >= p_limit;
  end loop;
end;
$$;
comment on function settlement.claim_instructions is
  'claims what is next in line with FOR UPDATE SKIP LOCKED until the end of the transaction';
