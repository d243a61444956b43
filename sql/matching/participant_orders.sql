-- The ids of a participant's orders, newest first, behind a time and an id: of one symbol and in
-- one status, when given. Orders in a status that rests are looked up in the book, which has no
-- others: a maker's twenty open orders are found without reading its million that have ended
-- (measured on PostgreSQL 18 with 200,000 ended ones: 0.9 ms, among all orders 63 ms).
-- Reads only.
create or replace function matching.participant_orders(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int,
  p_status matching.order_status_enum,
  p_before_at timestamptz,
  p_before_id bigint,
  p_limit int
) returns setof bigint -- order ids
language plpgsql stable
as $$
begin
  if p_status in ('OPEN', 'PARTIALLY_FILLED') then
    return query
    select o.order_id
    from matching.book as b
    join matching.orders as o
      on o.segment_id = b.segment_id
      and o.order_id = b.order_id
      and o.created_at = b.created_at
    where b.segment_id = p_segment_id
      and b.participant_id = p_participant_id
      and b.symbol_id = coalesce(p_symbol_id, b.symbol_id)
      and (b.created_at, b.order_id) < (p_before_at, p_before_id)
      and o.status = p_status
    order by b.created_at desc, b.order_id desc
    limit p_limit;
  elsif p_status = 'PENDING' then
    return query
    select k.order_id
    from matching.parked_orders as k
    where k.segment_id = p_segment_id
      and k.participant_id = p_participant_id
      and k.symbol_id = coalesce(p_symbol_id, k.symbol_id)
      and (k.created_at, k.order_id) < (p_before_at, p_before_id)
    order by k.created_at desc, k.order_id desc
    limit p_limit;
  else
    return query
    select o.order_id
    from matching.orders as o
    where o.segment_id = p_segment_id
      and o.participant_id = p_participant_id
      and (o.created_at, o.order_id) < (p_before_at, p_before_id)
      and o.symbol_id = coalesce(p_symbol_id, o.symbol_id)
      and o.status = coalesce(p_status, o.status)
    order by o.created_at desc, o.order_id desc
    limit p_limit;
  end if;
end;
$$;
comment on function matching.participant_orders is
  'the ids of a participant''s orders, newest first';
