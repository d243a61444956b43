-- The end of an atomic batch that cannot be taken whole: nothing was written but its keys, which
-- are given back; every command that was fine in itself is refused with BATCH_ROLLED_BACK, but for
-- a repeat of what stood before, which stands as it did, and a repeat of a command of the batch is
-- answered as that is; a second cancel is too late.
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
        when r.refusal is null then 'BATCH_ROLLED_BACK'
        when f.n is not null then coalesce(p_outcome.refusals[f.n], 'BATCH_ROLLED_BACK')
        else r.refusal end
      order by r.n
    )
  into p_outcome.refusals
  from unnest(p_outcome.refusals, p_batch.repeat_of) with ordinality as r (refusal, repeat_of, n)
  left join unnest(p_batch.order_ids) with ordinality as f (order_id, n)
    on f.order_id = r.repeat_of
    and r.refusal = 'REPEATED';

  p_batch.order_ids := null;
  p_outcome.closings := null;
  return row(p_batch, p_outcome, p_now, null, null)::matching.executed;
end;
$$;
comment on function matching.roll_back is 'the end of an atomic batch that cannot be taken whole';
