-- Slots with what is charged to each: to a new order what its owner is charged now, to one that
-- stands that with its cap. Takes the prices that they are sorted by, the slots, and which is the
-- first of an order that stood before. Reads only; returns the slots.
create or replace function matching.charge_slots(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_sort_prices numeric[],
  p_slots matching.slot[],
  p_first_standing int
) returns matching.slot[]
language plpgsql volatile
as $$
declare
  v_ids int[];
  v_charges matching.charge[];
  v_charge matching.charge;
begin
  select array_agg(c.participant_id order by c.participant_id),
    array_agg(c.charge order by c.participant_id)
  into v_ids, v_charges
  from matching.charges_of(
    p_symbol, p_at, array(
      select distinct s.owner_id from unnest(p_slots) as s where s.owner_id is not null
    )
  ) as c;

  for v_no in 1..cardinality(p_slots) loop
    v_charge := v_charges[matching.party_no(v_ids, p_slots[v_no].owner_id)];
    if v_no >= p_first_standing then
      v_charge := matching.capped_charge(p_symbol, v_charge, p_sort_prices[v_no] < 0,
        (p_slots[v_no].charge).hold_rate);
    end if;
    p_slots[v_no].charge := v_charge;
  end loop;
  return p_slots;
end;
$$;
comment on function matching.charge_slots is 'slots with what is charged to each';
