-- What of an order prevented matches took away up to an event, in base. Reads nothing.
create or replace function matching.prevented_quantity(
  p_prevented matching.prevented_match[],
  p_order_id bigint,
  p_seq bigint
) returns numeric
language sql immutable
as $$
  select trim_scale(coalesce(sum(
    case m.taker_order_id when p_order_id then m.taker_quantity else m.maker_quantity end
  ), 0))
  from unnest(p_prevented) as m
  where p_order_id in (m.taker_order_id, m.maker_order_id)
    and m.seq <= p_seq
$$;
comment on function matching.prevented_quantity is
  'what of an order prevented matches took away up to an event';
