-- The status of an order that a batch leaves with so much remaining and filled, ended for this
-- reason, refused for that, or parked (null where it was not). [MAT-031]. Reads nothing.
create or replace function matching.status_of(
  p_remaining numeric,
  p_filled numeric,
  p_end_reason matching.end_reason,
  p_refusal matching.refusal,
  p_pending matching.pending_reason default null
) returns matching.order_status_enum
language sql immutable parallel safe
as $$
  select case
    when p_refusal is not null then 'REJECTED'::matching.order_status_enum
    when p_remaining > 0 and p_pending is not null then 'PENDING'
    when p_remaining > 0 and p_filled > 0 then 'PARTIALLY_FILLED'
    when p_remaining > 0 then 'OPEN'
    when p_end_reason is null then 'FILLED'
    when matching.end_kind(p_end_reason) = 'CANCELLED' then 'CANCELLED'
    else 'EXPIRED'
  end
$$;
comment on function matching.status_of is
  'the status of an order from what is left, filled, ended, refused, waited for';
