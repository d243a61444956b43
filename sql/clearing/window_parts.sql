-- The instructions of a window that is not settled, each with all that is left of it, in the order
-- of their ids. Reads only.
create or replace function clearing.window_parts(
  p_segment_id int,
  p_window_id bigint
) returns settlement.part[]
language sql stable
as $$
  select array_agg(
    settlement.part_of(i, i.quantity - i.settled_quantity, s.quote_decimals)
    order by i.instruction_id
  )
  from settlement.waiting_instructions as i
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  where i.segment_id = p_segment_id
    and i.window_id = p_window_id
$$;
comment on function clearing.window_parts is 'the instructions of a window, with all that is left';
