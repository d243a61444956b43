-- Marks the lists whose exits were to get what their entry has traded, in a part of a batch, and go
-- on without, because it is not there to be held: it comes when the trades are settled [MAT-053].
-- The mark of a list that is tried again stays as it is. Writes: matching.order_lists. Under the
-- lock of the symbol.
create or replace function matching.record_shortage(
  p_symbol reference.symbols,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
set enable_nestloop = on  -- few, and looked up by key
set enable_seqscan = off
as $$
begin
  if array_position(p_outcome.refusals, 'INSUFFICIENT_FUNDS') is null then
    return;
  end if;

  update matching.order_lists as l
  set funds_tried = '-Infinity'
  from (
    select
      (p_batch.slots[b.target]).list_id as list_id,
      (p_outcome.asked[b.n]).quantity as quantity,
      (p_outcome.asked[b.n]).op as op,
      (p_outcome.asked[b.n]).is_only_if_new as is_exit
    from unnest(p_outcome.refusals, p_batch.targets) with ordinality as b (refusal, target, n)
    where b.refusal = 'INSUFFICIENT_FUNDS'
  ) as r
  where l.segment_id = p_symbol.segment_id
    and l.list_id = r.list_id
    and l.funds_tried is null
    and (r.op = 'AMEND' or r.is_exit)
    and r.quantity = (
      select o.filled_quantity
      from matching.orders as o
      where o.segment_id = l.segment_id
        and o.order_id = l.entry_order_id
        and o.created_at = l.created_at
    );
end;
$$;
comment on function matching.record_shortage is 'marks the lists whose exits wait for their funds';
