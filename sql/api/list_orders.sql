-- Orders as they stand, newest first: of a participant, of a symbol, in a status, when given.
-- Takes the cursor of the last row seen (its time and id) to go on behind it. Without a participant
-- each symbol gives its newest by id, which is in the order of time within a symbol.
-- Reads only. Raises: NFPAR, NFSYM; 22P02 for a status it does not know.
create or replace function api.list_orders(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_status text,
  p_cursor text,
  p_limit int
) returns setof api.order_item
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int;
  v_symbol_id int;
  v_status matching.order_status_enum := upper(p_status);
  v_at timestamptz := coalesce(split_part(p_cursor, '_', 1)::timestamptz, 'infinity');
  v_id bigint := coalesce(split_part(p_cursor, '_', 2)::bigint, 0);
  v_ids bigint[];
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  if p_client_id is not null then
    v_participant_id := (reference.get_participant(p_client_id)).participant_id;
    select array_agg(r.order_id) into v_ids
    from matching.participant_orders(
      p_segment_id, v_participant_id, v_symbol_id, v_status, v_at, v_id, p_limit
    ) as r (order_id);
  else
    select array_agg(r.order_id) into v_ids
    from (
      select n.order_id
      from reference.symbols as s
      cross join lateral (
        select o.order_id, o.created_at
        from matching.orders as o
        where o.segment_id = p_segment_id
          and o.order_id > s.symbol_id * 1000000000000
          and o.order_id < (s.symbol_id + 1) * 1000000000000
          and (o.created_at, o.order_id) < (v_at, v_id)
          and o.status = coalesce(v_status, o.status)
        order by o.order_id desc
        limit p_limit
      ) as n
      where s.segment_id = p_segment_id
        and s.symbol_id = coalesce(v_symbol_id, s.symbol_id)
      order by n.created_at desc, n.order_id desc
      limit p_limit
    ) as r;
  end if;

  return query
  select o.*, to_char(o.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '_' || o.order_id
  from matching.order_rows(p_segment_id, v_ids) as o
  order by o.created_at desc, o.order_id desc;
end;
$$;
comment on function api.list_orders is 'orders as they stand, newest first';
revoke execute on function api.list_orders from public;
grant execute on function api.list_orders to pgsettle_app;
