-- The end of an atomic batch that cannot be taken whole: nothing was written but its keys, which
-- are given back; every command that was fine in itself is refused with BATCH_ROLLED_BACK, but for
-- a repeat of what stood before, which stands as it did; a second cancel is too late.
-- Writes: matching.order_keys.
create or replace function matching.roll_back(
  p_symbol reference.symbols,
  p_batch matching.batch,
  p_outcome matching.outcome,
  p_now timestamptz
) returns matching.executed
language plpgsql volatile
as $$
begin
  delete from matching.order_keys as k
  using unnest(p_batch.order_ids, p_batch.owner_ids) as o (order_id, owner_id)
  where k.segment_id = p_symbol.segment_id
    and k.participant_id = o.owner_id
    and k.order_id = o.order_id;

  select
    array_agg(
      case
        when r.refusal = 'ALREADY_CANCELLED' then 'ORDER_NOT_OPEN'
        when r.refusal is null
          or r.refusal = 'REPEATED' and r.repeat_of = any (p_batch.order_ids)
          then 'BATCH_ROLLED_BACK'
        else r.refusal end
      order by r.n
    )
  into p_outcome.refusals
  from unnest(p_outcome.refusals, p_batch.repeat_of) with ordinality as r (refusal, repeat_of, n);

  p_batch.order_ids := null;
  p_outcome.closings := null;
  return row(p_batch, p_outcome, p_now, null, null)::matching.executed;
end;
$$;
comment on function matching.roll_back is 'the end of an atomic batch that cannot be taken whole';
