-- Orders that a batch leaves, as rows of a segment; for a look-up by the whole key, as
-- reference.ids says. Reads nothing.
create or replace function matching.resting_orders(
  p_segment_id int,
  p_orders matching.final_order[]
) returns table (
  segment_id int,
  order_id bigint,
  filled numeric,
  notional numeric,
  last_seq bigint,
  sort_price numeric,
  priority_no bigint,
  remaining numeric,
  hold numeric,
  fee_exact numeric,
  fee numeric,
  quantity numeric,
  created_at timestamptz,
  end_reason matching.end_reason,
  book_tid tid
)
language sql volatile
rows 1
as $$
  select
    p_segment_id, o.order_id, o.filled, o.notional, o.last_seq, o.sort_price, o.priority_no,
    o.remaining, o.hold, o.fee_exact, o.fee, o.quantity, o.created_at, o.end_reason, o.book_tid
  from unnest(p_orders) as o
$$;
comment on function matching.resting_orders is 'orders that a batch leaves, as rows of a segment';
