-- Why an amendment of how long an order is good is refused, or null: good till cancelled and good
-- till a time may become each other, and the time another [MAT-044]. Takes the order, its time in
-- force where it is one of this batch, and what is asked for. Reads only.
create or replace function matching.refuse_time(
  p_symbol reference.symbols,
  p_order_id bigint,
  p_from matching.time_in_force_enum,
  p_time_in_force matching.time_in_force_enum,
  p_expire_at timestamptz
) returns matching.refusal
language plpgsql stable
as $$
declare
  v_from matching.time_in_force_enum := p_from;
  v_expire_at timestamptz := p_expire_at;
begin
  select coalesce(p_from, o.time_in_force), coalesce(p_expire_at, o.expire_at)
  into v_from, v_expire_at
  from (select p_order_id as order_id) as i
  left join matching.orders as o
    on o.segment_id = p_symbol.segment_id
    and o.order_id = i.order_id;

  return case
    when v_from not in ('GTC', 'GTD') or p_time_in_force not in ('GTC', 'GTD')
      then 'TIME_IN_FORCE'::matching.refusal
    when p_time_in_force = 'GTC' and p_expire_at is not null
      or p_time_in_force is distinct from 'GTC' and v_expire_at is null then 'EXPIRE_AT'
  end;
end;
$$;
comment on function matching.refuse_time is
  'why an amendment of how long an order is good is refused';
