-- The amendments of an order, first to last: what it was and what it became. Reads only.
-- Raises NFORD.
create or replace function api.amendments(
  p_segment_id int,
  p_order_id bigint
) returns table (
  seq bigint,
  at timestamptz,
  price numeric,
  quantity numeric,
  remaining numeric,
  prior_price numeric,
  prior_remaining numeric,
  keeps_place boolean
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order matching.order_row := api.find_order(p_segment_id, p_order_id);
begin
  return query
  select
    e.seq, e.at, trim_scale(e.price), trim_scale(e.quantity), trim_scale(e.remaining),
    trim_scale(e.prior_price), trim_scale(e.prior_remaining), e.reason <> 'LOST'
  from matching.events as e
  where e.segment_id = p_segment_id
    and e.order_id = v_order.order_id
    and e.kind = 'AMENDED'
  order by e.seq;
end;
$$;
comment on function api.amendments is 'the amendments of an order; NFORD when there is none';
revoke execute on function api.amendments from public;
grant execute on function api.amendments to pgsettle_app;
