-- Why an amendment of how long an order is good is refused, or null: good till cancelled and good
-- till a time may become each other, and the time another [MAT-044]. Takes the order, its time in
-- force where it is one of this batch, and the one that is asked for. Reads only.
create or replace function matching.refuse_time(
  p_symbol reference.symbols,
  p_order_id bigint,
  p_from matching.time_in_force_enum,
  p_time_in_force matching.time_in_force_enum
) returns matching.refusal
language plpgsql stable
as $$
declare
  v_from matching.time_in_force_enum := coalesce(p_from, (
    select o.time_in_force
    from matching.orders as o
    where o.segment_id = p_symbol.segment_id
      and o.order_id = p_order_id
  ));
begin
  return case when v_from not in ('GTC', 'GTD') or p_time_in_force not in ('GTC', 'GTD')
    then 'TIME_IN_FORCE'::matching.refusal end;
end;
$$;
comment on function matching.refuse_time is
  'why an amendment of how long an order is good is refused';
