-- The sides that hold an instruction, as a JSON list of {side, released}: how much of the whole
-- quantity, in base, that side lets settle [SET-011]; 0 is none of it. A side that lets all settle
-- is not listed, and what is final has no holds. Reads only.
create or replace function settlement.hold_list(
  p_segment_id int,
  p_instruction_id bigint
) returns json
language sql stable
as $$
  select coalesce(json_agg(json_build_object(
    'side', h.side, 'released', trim_scale(h.released)::text
  ) order by h.side), '[]')
  from settlement.waiting_instructions as i
  cross join lateral (
    values ('BUYER', i.buyer_released), ('SELLER', i.seller_released)
  ) as h (side, released)
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
    and h.released < i.quantity
$$;
comment on function settlement.hold_list is 'the sides that hold an instruction, as JSON';
