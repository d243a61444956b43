-- The stop orders that the trades of a part fire, as commands, in their order: by the trade that
-- reached them, then buyers by the lowest stop price and sellers by the highest, then by entry
-- [MAT-057]. Of a list only the first fires, and ends the others. Takes whose orders the prices are
-- for: those that follow the trades, or a price from outside [MAT-052]; and what is to follow
-- already: an order that is to end or has fired does not fire again.
-- Writes: how far trailing stops have come. Under the lock of the symbol.
create or replace function matching.fire_stops(
  p_symbol reference.symbols,
  p_fills matching.fill[],
  p_sources matching.trigger_source[],
  p_queue matching.command[] default '{}'
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_commands matching.command[] := '{}';
  v_parked matching.parked_orders;
  v_fired record;
  v_low numeric;
  v_high numeric;
begin
  select min(f.price), max(f.price) into v_low, v_high from unnest(p_fills) as f;

  for v_fired in
    select s.*
    from (
      select
        r.order_id, w.limit_offset, r.level, w.side,
        row_number() over (partition by coalesce(k.list_id, k.order_id) order by r.seq, w.side,
          case w.side when 'BUY' then r.level else -r.level end, w.entry_seq) as turn,
        row_number() over (order by r.seq, w.side,
          case w.side when 'BUY' then r.level else -r.level end, w.entry_seq) as rank
      from (
        select w.order_id, min(f.seq) as seq, w.stop_price as level
        from matching.stop_orders_watchlist as w
        join unnest(p_fills) as f
          on f.seq > w.entry_seq
          and (w.is_up and f.price >= w.stop_price or not w.is_up and f.price <= w.stop_price)
        where w.segment_id = p_symbol.segment_id
          and w.symbol_id = p_symbol.symbol_id
          and w.source = any (p_sources)
          and w.type <> 'TRAILING_STOP'
          and (w.is_up and w.stop_price <= v_high or not w.is_up and w.stop_price >= v_low)
        group by w.order_id, w.stop_price
        union all
        select t.order_id, t.seq, t.level
        from matching.trail_stops(p_symbol, p_fills, p_sources) as t
      ) as r
      join matching.stop_orders_watchlist as w
        on w.segment_id = p_symbol.segment_id
        and w.order_id = r.order_id
      join matching.parked_orders as k
        on k.segment_id = p_symbol.segment_id
        and k.order_id = r.order_id
      where r.order_id <> all (array(
        select q.order_id from unnest(p_queue) as q where q.op <> 'AMEND'
      ))
    ) as s
    where s.turn = 1
    order by s.rank
  loop
    select k.* into strict v_parked
    from matching.parked_orders as k
    where k.segment_id = p_symbol.segment_id
      and k.order_id = v_fired.order_id;
    v_commands := v_commands || matching.end_siblings(v_parked)
      || matching.fired_command(p_symbol, v_parked, v_fired.level, v_fired.limit_offset);
  end loop;
  return v_commands;
end;
$$;
comment on function matching.fire_stops is 'the stop orders that trades fire, as commands';
