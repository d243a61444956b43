-- Orders as the outside sees them now, with all their fills, by id. What was filled, at what
-- average price and fee, is what was matched: a bust is said of the fill [BST-002]. Reads only.
create or replace function matching.order_rows(
  p_segment_id int,
  p_order_ids bigint[]
) returns setof matching.order_row
language plpgsql stable
set plan_cache_mode = force_generic_plan  -- a plan spans all partitions: make it once,
set enable_hashjoin = off                 -- and look up by key in those that matter
set enable_mergejoin = off
set enable_nestloop = on
set enable_seqscan = off
as $$
begin
  return query
  select
    o.order_id, p.client_id, s.symbol, o.side, o.type, o.time_in_force, trim_scale(o.price),
    trim_scale(o.quantity), o.client_order_id, o.idempotency_key, o.status, o.pending_reason,
    o.end_reason, o.refusal, trim_scale(o.filled_quantity), trim_scale(o.remaining_quantity),
    matching.average_price(o.filled_notional, o.filled_quantity), trim_scale(o.fee_amount),
    o.last_seq, o.created_at, o.updated_at,
    (
      select coalesce(json_agg(matching.marked_fill_json(
        t.trade_id, t.price, t.quantity,
        case when t.taker_order_id = o.order_id then t.taker_fee else t.maker_fee end,
        t.taker_order_id = o.order_id, b.status is not null, r.trade_id
      ) order by t.seq), '[]')
      from matching.trades as t
      left join matching.trade_busts as b
        on b.segment_id = t.segment_id
        and b.trade_id = t.trade_id
        and b.status = 'DONE'
      left join matching.trade_busts as r
        on r.segment_id = t.segment_id
        and r.replacement_id = t.trade_id
      where t.segment_id = o.segment_id
        and o.filled_quantity > 0
        and (t.taker_order_id = o.order_id or t.maker_order_id = o.order_id)
        and t.traded_at >= o.created_at
    ),
    trim_scale(o.quote_quantity), trim_scale(o.stop_price), o.trigger_source,
    trim_scale(o.trailing_offset), o.trailing_bips, trim_scale(o.activation_price),
    trim_scale(o.limit_offset), o.post_only, o.slide, trim_scale(o.display_quantity), o.expire_at,
    o.stp, trim_scale(o.prevented_quantity), o.list_id
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.orders as o
    on o.segment_id = i.segment_id
    and o.order_id = i.id
  join reference.participants as p
    on p.participant_id = o.participant_id
  join reference.symbols as s
    on s.symbol_id = o.symbol_id;
end;
$$;
comment on function matching.order_rows is 'orders as the outside sees them now, by id';
