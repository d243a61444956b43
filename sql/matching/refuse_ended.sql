-- Why a command on an order that is not in the book must be refused: it never was, or how it ended.
-- Takes the participant who asks, null when that is not known. Reads only.
create or replace function matching.refuse_ended(
  p_symbol reference.symbols,
  p_op matching.operation,
  p_order_id bigint,
  p_participant_id int
) returns matching.refusal
language sql stable
as $$
  select coalesce((
    select case
      when o.status = 'FILLED' then 'ORDER_FILLED'::matching.refusal
      when o.status = 'CANCELLED' and p_op = 'CANCEL' then 'ALREADY_CANCELLED'
      else 'ORDER_NOT_OPEN' end
    from matching.orders as o
    where o.segment_id = p_symbol.segment_id
      and o.order_id = p_order_id
      and o.symbol_id = p_symbol.symbol_id
      and o.participant_id = coalesce(p_participant_id, o.participant_id)
  ), 'UNKNOWN_ORDER')
$$;
comment on function matching.refuse_ended is
  'why a command on an order that does not rest is refused';
