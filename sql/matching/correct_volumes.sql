-- Takes a trade that is busted out of the volumes of tiers, and puts what takes its place there, as
-- far as they are summed up [LED-042], [BST-004]. What is not, is left to matching.fold_volumes: a
-- trade that is new by its number and not older than the mark.
-- Takes the trade and what takes its place (without a price: nothing does). Under the lock of the
-- symbol. Writes: matching.volumes.
create or replace function matching.correct_volumes(
  p_trade matching.trades,
  p_replacement matching.trades
) returns void
language plpgsql volatile
as $$
declare
  v_mark matching.volume_marks;
  v_more numeric := -p_trade.price * p_trade.quantity;
begin
  select m.* into v_mark
  from matching.volume_marks as m
  where m.segment_id = p_trade.segment_id
    and m.symbol_id = p_trade.symbol_id;
  if not found or p_trade.seq > v_mark.last_seq and p_trade.traded_at >= v_mark.last_at then
    return;
  end if;

  if p_replacement.traded_at < v_mark.last_at then
    v_more := v_more + p_replacement.price * p_replacement.quantity;
  end if;
  update matching.volumes as v
  set volume = v.volume + l.more
  from (
    select u.participant_id, count(*) * v_more as more
    from unnest(array[p_trade.taker_id, p_trade.maker_id]) as u (participant_id)
    group by u.participant_id
  ) as l
  where v.segment_id = p_trade.segment_id
    and v.symbol_id = p_trade.symbol_id
    and v.participant_id = l.participant_id
    and v.traded_on = (p_trade.traded_at at time zone 'UTC')::date;
end;
$$;
comment on function matching.correct_volumes is
  'takes a trade that is busted out of the volumes of tiers';
