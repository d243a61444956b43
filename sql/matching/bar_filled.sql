-- Bars the commands of a batch that are only for new orders from those of which a part was filled
-- before; what fills in the batch itself is seen by matching.start_change. What was prevented of an
-- order is not filled [MAT-044]. Returns what each command asks. Reads only.
create or replace function matching.bar_filled(
  p_symbol reference.symbols,
  p_batch matching.batch
) returns matching.asked[]
language plpgsql stable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_slot matching.slot;
begin
  for v_no in 1..cardinality(v_asked) loop
    continue when v_asked[v_no].is_only_if_new is not true or v_asked[v_no].op = 'RELEASE'
      or p_batch.targets[v_no] is null;
    v_slot := p_batch.slots[p_batch.targets[v_no]];
    if exists (
      select from matching.orders as o
      where o.segment_id = p_symbol.segment_id
        and o.order_id = v_slot.order_id
        and o.created_at = v_slot.created_at
        and o.filled_quantity > 0
    ) then
      v_asked[v_no].bar := coalesce(v_asked[v_no].bar, 'CONDITION_FAILED');
    end if;
  end loop;
  return v_asked;
end;
$$;
comment on function matching.bar_filled is
  'bars commands that are only for new orders from those that traded';
