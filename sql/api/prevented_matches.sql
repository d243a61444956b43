-- The matches of an order, as taker or maker, that were prevented because both sides have one owner
-- or group, first to last. Reads only. Raises NFORD.
create or replace function api.prevented_matches(
  p_segment_id int,
  p_order_id bigint
) returns table (
  prevented_match_id bigint,
  at timestamptz,
  stp reference.stp_mode,
  price numeric,
  taker_order_id bigint,
  maker_order_id bigint,
  taker_quantity numeric,
  maker_quantity numeric
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
    m.prevented_match_id, m.prevented_at, m.stp, trim_scale(m.price::numeric), m.taker_order_id,
    m.maker_order_id, trim_scale(m.taker_quantity), trim_scale(m.maker_quantity)
  from matching.prevented_matches as m
  where m.segment_id = p_segment_id
    and v_order.order_id in (m.taker_order_id, m.maker_order_id)
  order by m.prevented_match_id;
end;
$$;
comment on function api.prevented_matches is
  'the prevented matches of an order; NFORD when there is none';
revoke execute on function api.prevented_matches from public;
grant execute on function api.prevented_matches to pgsettle_app;
