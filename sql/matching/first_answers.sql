-- The first answers to the commands that placed these orders, rebuilt from what they wrote: the
-- event that closed the command and the fills up to it. The same, to the byte, as
-- matching.placed_answers gave then [MAT-021], which did not tell when a day ends. Reads only.
create or replace function matching.first_answers(
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
    o.order_id, p.client_id, s.symbol, o.side, o.type,
    coalesce(o.first_time_in_force, o.time_in_force), trim_scale(e.price), trim_scale(e.quantity),
    o.client_order_id, o.idempotency_key,
    matching.status_of(r.remaining, coalesce(f.filled, 0), r.end_reason, r.refusal, r.pending),
    r.pending, r.end_reason, r.refusal, trim_scale(coalesce(f.filled, 0)), trim_scale(r.remaining),
    matching.average_price(f.notional, f.filled), trim_scale(coalesce(f.fee, 0)), o.entry_seq,
    o.created_at, o.created_at, coalesce(f.fills, '[]'),
    trim_scale(o.quote_quantity), trim_scale(o.stop_price), o.trigger_source,
    trim_scale(o.trailing_offset), o.trailing_bips, trim_scale(o.activation_price),
    trim_scale(o.limit_offset), o.post_only, o.slide, trim_scale(o.display_quantity),
    case when o.first_time_in_force is not null then o.first_expire_at
      when o.time_in_force <> 'DAY' then o.expire_at end, o.stp, (
      select trim_scale(coalesce(sum(m.taker_quantity), 0))
      from matching.prevented_matches as m
      where m.segment_id = o.segment_id
        and m.taker_order_id = o.order_id
        and m.seq <= o.entry_seq
    ), o.list_id
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.orders as o
    on o.segment_id = i.segment_id
    and o.order_id = i.id
  join matching.events as e
    on e.segment_id = o.segment_id
    and e.symbol_id = o.symbol_id
    and e.seq = o.entry_seq
    and e.at = o.created_at
  join reference.participants as p
    on p.participant_id = o.participant_id
  join reference.symbols as s
    on s.symbol_id = o.symbol_id
  cross join lateral (
    select
      case when e.kind in ('OPENED', 'PARKED') then e.remaining else 0 end as remaining,
      case when e.kind = 'PARKED' then e.reason::matching.pending_reason end as pending,
      case when e.kind = 'REJECTED' then e.reason::matching.refusal end as refusal,
      case when e.kind in ('CANCELLED', 'EXPIRED') then e.reason::matching.end_reason end
        as end_reason
  ) as r
  left join lateral (
    select
      sum(t.quantity) as filled, sum(t.price * t.quantity) as notional, sum(t.taker_fee) as fee,
      json_agg(matching.fill_json(t.trade_id, t.price, t.quantity, t.taker_fee, true)
        order by t.seq) as fills
    from matching.trades as t
    where t.segment_id = o.segment_id
      and t.taker_order_id = o.order_id
      and t.seq <= o.entry_seq
      and t.traded_at = o.created_at
  ) as f
    on true;
end;
$$;
comment on function matching.first_answers is
  'the first answers to the commands that placed these orders';
