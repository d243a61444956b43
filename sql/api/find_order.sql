-- One order as it stands, with all its fills. Reads only. Raises NFORD.
create or replace function api.find_order(
  p_segment_id int,
  p_order_id bigint
) returns matching.order_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order matching.order_row;
begin
  select o.* into v_order
  from matching.order_rows(p_segment_id, array[p_order_id]) as o;

  if not found then
    raise exception 'there is no order %', p_order_id
      using errcode = 'NFORD', hint = 'UNKNOWN_ORDER', column = 'order_id';
  end if;
  return v_order;
end;
$$;
comment on function api.find_order is
  'one order as it stands, with its fills; NFORD when there is none';
revoke execute on function api.find_order from public;
grant execute on function api.find_order to pgsettle_app;
