-- These orders (each once), with the others of their lists: they share one hold. Reads only.
create or replace function matching.with_siblings(
  p_symbol reference.symbols,
  p_order_ids bigint[]
) returns bigint[]
language plpgsql volatile
set enable_nestloop = on  -- whatever the caller has set
as $$
begin
  return array(
    select i.id
    from unnest(p_order_ids) as i (id)
    where i.id is not null
    union
    select o.order_id
    from reference.ids(p_symbol.segment_id, p_order_ids) as i
    cross join lateral (
      select b.list_id
      from matching.book as b
      where b.segment_id = i.segment_id
        and b.order_id = i.id
      union all
      select k.list_id
      from matching.parked_orders as k
      where k.segment_id = i.segment_id
        and k.order_id = i.id
    ) as l
    cross join lateral matching.list_orders(i.segment_id, l.list_id) as o
    where l.list_id is not null
  );
end;
$$;
comment on function matching.with_siblings is 'these orders, with the others of their lists';
