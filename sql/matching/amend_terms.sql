-- Gives the amendments of a batch the terms of the orders that they amend: they may trade as those
-- would; where a symbol only cancels, more quantity or another price than the order has is refused
-- [MAT-070]; and orders of a list know the one that they share a hold with, which gets the same
-- quantity, and where that is refused, neither does [MAT-053]. Returns what each command asks.
-- Reads only.
create or replace function matching.amend_terms(
  p_symbol reference.symbols,
  p_batch matching.batch
) returns matching.asked[]
language plpgsql stable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_slot matching.slot;
  v_other matching.slot;
begin
  for v_no in 1..cardinality(v_asked) loop
    continue when v_asked[v_no].op not in ('AMEND', 'RELEASE') or p_batch.targets[v_no] is null;
    v_slot := p_batch.slots[p_batch.targets[v_no]];
    if v_slot.list_id is not null then
      v_asked[v_no].sibling := matching.sibling_slot(p_symbol, p_batch, v_slot);
    end if;
    continue when v_asked[v_no].op <> 'AMEND';
    if num_nonnulls(v_asked[v_no].time_in_force, v_asked[v_no].expire_at) > 0 then
      v_asked[v_no].refusal := matching.refuse_time(
        p_symbol, v_slot.order_id, v_asked[p_batch.targets[v_no]].time_in_force,
        v_asked[v_no].time_in_force
      );
    end if;
    if p_symbol.status = 'MAINTENANCE' and (
      v_asked[v_no].quantity > v_slot.quantity
      or p_batch.sort_prices[v_no] <>
        (p_batch.found).sort_prices[p_batch.targets[v_no] - cardinality(v_asked)]
    ) then
      v_asked[v_no].bar := coalesce(v_asked[v_no].bar, 'CANCEL_ONLY');
    end if;
    if v_asked[v_no].sibling is not null and v_asked[v_no].quantity is not null
      and v_asked[v_no].end_reason is null then
      v_other := p_batch.slots[v_asked[v_no].sibling];
      v_asked[v_no].bar := coalesce(v_asked[v_no].bar, matching.refuse_command(
        p_symbol, 'AMEND', null, null,
        case when v_other.type not in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP') then
          abs((p_batch.found).sort_prices[v_asked[v_no].sibling - cardinality(v_asked)]) end,
        v_asked[v_no].quantity
      ));
    end if;
    v_asked[v_no].stp := coalesce(v_slot.stp, p_symbol.default_stp);
    v_asked[v_no].is_post_only := v_slot.is_post_only;
    v_asked[v_no].is_sliding := v_slot.is_sliding;
    v_asked[v_no].mate_ids := (
      select array_agg(g.participant_id)
      from reference.participants as p
      join reference.participants as g
        on g.trade_group = p.trade_group
      where p.participant_id = v_slot.owner_id
    );
  end loop;
  return v_asked;
end;
$$;
comment on function matching.amend_terms is
  'gives amendments the terms of the orders that they amend';
