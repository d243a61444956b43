-- The charge of an order that stands, as far as its row says it: the rate that it holds for. Null
-- where that is the symbol's own. Reads nothing; is inlined.
create or replace function matching.held_charge(
  p_hold_rate numeric
) returns matching.charge
language sql immutable parallel safe
as $$
  select case when p_hold_rate is not null
    then row(null, null, null, p_hold_rate, null)::matching.charge end
$$;
comment on function matching.held_charge is
  'the charge of an order that stands, as far as its row says it';
