-- Cancels all open orders of a participant, of one symbol or one side when given, in one
-- transaction. Returns their ids in book order. Locks and writes: see matching.cancel_orders.
-- Raises: NFPAR, NFSYM.
create or replace function api.cancel_orders(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_side text,
  p_now timestamptz
) returns setof bigint -- order ids
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_symbol_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  return query
  select c.order_id
  from matching.cancel_orders(
    p_segment_id, v_participant_id, v_symbol_id, upper(p_side)::matching.order_side_enum, p_now
  ) as c (order_id);
end;
$$;
comment on function api.cancel_orders is
  'cancels all open orders of a participant in one transaction';
revoke execute on function api.cancel_orders from public;
grant execute on function api.cancel_orders to pgsettle_app;
