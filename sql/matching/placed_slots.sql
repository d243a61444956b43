-- The slots of an outcome beside the commands that placed their orders; null for a command that
-- placed none. An order has the slot of its command, but for one that was amended since.
-- Reads nothing.
create or replace function matching.placed_slots(
  p_batch matching.batch,
  p_outcome matching.outcome
) returns matching.chunk
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_count int := cardinality(p_outcome.asked);
  v_placed matching.chunk;
begin
  if not p_batch.has_amendments then
    return row(p_outcome.sort_prices[1:v_count], p_outcome.priority_nos[1:v_count],
      p_outcome.remaining[1:v_count], p_outcome.slots[1:v_count]);
  end if;

  select
    array_agg(s.sort_price order by i.n), array_agg(s.priority_no order by i.n),
    array_agg(s.remaining order by i.n), array_agg(s.slot order by i.n)
  into v_placed
  from unnest(p_batch.order_ids) with ordinality as i (id, n)
  left join (
    select
      unnest(p_outcome.sort_prices) as sort_price, unnest(p_outcome.priority_nos) as priority_no,
      unnest(p_outcome.remaining) as remaining, unnest(p_outcome.slots) as slot
  ) as s
    on (s.slot).order_id = i.id
    and (s.slot).last_seq is not null;
  return v_placed;
end;
$$;
comment on function matching.placed_slots is
  'the slots of an outcome beside the commands that placed their orders';
