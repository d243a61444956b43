-- Whether exits wait for their funds anywhere in a segment: then settling is worth a ring to the
-- matcher. Reads only.
create or replace function matching.has_waiting_exits(
  p_segment_id int
) returns boolean
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from matching.order_lists as l
    where l.segment_id = p_segment_id
      and l.funds_tried is not null
  )
$$;
comment on function matching.has_waiting_exits is 'whether exits wait for their funds';
revoke execute on function matching.has_waiting_exits from public;
grant execute on function matching.has_waiting_exits to pgsettle_worker;
