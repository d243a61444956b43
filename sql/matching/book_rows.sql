-- Resting orders by id (each once), with the place of their row: looked up by key, whatever the
-- caller has set for its joins. Reads only.
create or replace function matching.book_rows(
  p_segment_id int,
  p_order_ids bigint[]
) returns table (
  order_id bigint,
  owner_id int,
  side matching.order_side_enum,
  sort_price numeric,
  priority_no bigint,
  created_at timestamptz,
  book_tid tid,
  remaining numeric,
  hold numeric,
  fee_exact numeric,
  fee numeric,
  display numeric,
  visible numeric,
  list_id bigint,
  hold_rate numeric
)
language plpgsql volatile
set enable_nestloop = on
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
  select
    b.order_id, b.participant_id, b.side, b.sort_price, b.priority_no, b.created_at, b.ctid,
    b.remaining_quantity, b.hold_amount, b.fee_exact, b.fee_amount,
    b.display_quantity, b.visible_quantity, b.list_id, b.hold_rate
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.book as b
    on b.segment_id = i.segment_id
    and b.order_id = i.id;
end;
$$;
comment on function matching.book_rows is 'resting orders by id';
