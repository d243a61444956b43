-- Slots behind slots. Reads nothing.
create or replace function matching.append_slots(
  p_slots matching.slots,
  p_more matching.slots
) returns matching.slots
language sql immutable parallel safe
as $$
  select row(
    p_slots.order_id || p_more.order_id,
    p_slots.owner_id || p_more.owner_id,
    p_slots.party_no || p_more.party_no,
    p_slots.sort_price || p_more.sort_price,
    p_slots.priority_no || p_more.priority_no,
    p_slots.remaining || p_more.remaining,
    p_slots.hold || p_more.hold,
    p_slots.fee_exact || p_more.fee_exact,
    p_slots.fee || p_more.fee,
    p_slots.quantity || p_more.quantity,
    p_slots.created_at || p_more.created_at,
    p_slots.book_tid || p_more.book_tid
  )::matching.slots
$$;
comment on function matching.append_slots is 'slots behind slots';
