-- Cancels all open and pending orders of a participant, or of a trade group, in one transaction: of
-- one symbol, one side, or a range of limit prices (quote per base), when given. Returns their ids
-- in book order. Locks and writes: see matching.cancel_orders.
-- Raises: NFPAR, NFSYM.
create or replace function api.cancel_orders(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_side text,
  p_now timestamptz,
  p_group text default null,
  p_min_price numeric default null,
  p_max_price numeric default null
) returns setof bigint -- order ids
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_ids int[];
  v_symbol_id int;
begin
  if p_client_id is not null then
    v_participant_ids := array[(reference.get_participant(p_client_id)).participant_id];
  end if;
  if p_group is not null then
    select coalesce(array_agg(p.participant_id), '{}') into v_participant_ids
    from reference.participants as p
    where p.trade_group = p_group
      and p.participant_id = any (coalesce(v_participant_ids, array[p.participant_id]));
  end if;
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  return query
  select c.order_id
  from matching.cancel_orders(
    p_segment_id, coalesce(v_participant_ids, '{}'), v_symbol_id,
    upper(p_side)::matching.order_side_enum, p_min_price, p_max_price, 'USER', p_now
  ) as c (order_id);
end;
$$;
comment on function api.cancel_orders is
  'cancels all orders of a participant or a group in one transaction';
revoke execute on function api.cancel_orders from public;
grant execute on function api.cancel_orders to pgsettle_app;
