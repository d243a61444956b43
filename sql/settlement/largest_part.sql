-- The largest part of a candidate that so much of its asset can deliver: a multiple of the unit, at
-- least the minimum, and less than all that could settle; null when there is none [SET-007].
-- Reads only.
create or replace function settlement.largest_part(
  p_segment_id int,
  p_candidate settlement.candidate,
  p_available numeric
) returns settlement.part
language plpgsql stable
as $$
declare
  v_quantity numeric := trunc(p_available / p_candidate.part_unit) * p_candidate.part_unit;
  v_part settlement.part;
begin
  if v_quantity is null or v_quantity < p_candidate.part_minimum
    or v_quantity >= (p_candidate.part).quantity then
    return null;
  end if;

  select (settlement.part_of(i, v_quantity, s.quote_decimals)).* into v_part
  from settlement.waiting_instructions as i
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  where i.segment_id = p_segment_id
    and i.instruction_id = p_candidate.instruction_id;
  return v_part;
end;
$$;
comment on function settlement.largest_part is 'the largest part that so much of an asset delivers';
