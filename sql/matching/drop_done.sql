-- A batch without its first commands, which are done. Reads nothing.
create or replace function matching.drop_done(
  p_batch matching.batch,
  p_done int
) returns matching.batch
language plpgsql immutable
as $$
begin
  if p_done > 0 then
    p_batch.asked := p_batch.asked[1 + p_done:];
    p_batch.refusals := p_batch.refusals[1 + p_done:];
    p_batch.order_ids := p_batch.order_ids[1 + p_done:];
    p_batch.owner_ids := p_batch.owner_ids[1 + p_done:];
    p_batch.sort_prices := p_batch.sort_prices[1 + p_done:];
  end if;
  return p_batch;
end;
$$;
comment on function matching.drop_done is 'a batch without its first commands, which are done';
