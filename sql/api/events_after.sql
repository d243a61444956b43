-- The events behind given numbers, by symbol, in order and without a gap: at most p_limit a symbol.
-- Numbers are given under the lock of the symbol and commit in their order, so what is read up to a
-- number is complete. The trade of a BUST is the one that is busted; the reason of a CORRECTED one
-- is the trade whose place it takes. Reads only.
create or replace function api.events_after(
  p_segment_id int,
  p_symbol_ids int[],
  p_seqs bigint[],
  p_limit int
) returns table (
  symbol_id int,
  symbol text,
  seq bigint,
  at timestamptz,
  kind matching.event_kind,
  order_id bigint,
  client_id text,
  side matching.order_side_enum,
  price numeric,
  quantity numeric,
  remaining numeric,
  prior_price numeric,
  prior_remaining numeric,
  trade_id bigint,
  maker_order_id bigint,
  maker_client_id text,
  maker_remaining numeric,
  reason text,
  visible numeric,
  prior_visible numeric,
  maker_visible numeric,
  maker_prior_visible numeric,
  phase reference.symbol_phase,
  phase_end_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    c.symbol_id, s.symbol, e.seq, e.at, e.kind, e.order_id, p.client_id, e.side,
    trim_scale(e.price), trim_scale(e.quantity), trim_scale(e.remaining),
    trim_scale(e.prior_price), trim_scale(e.prior_remaining),
    case when e.kind in ('TRADE', 'CORRECTED') then c.symbol_id * 1000000000000 + e.seq
      else e.trade_id end, e.maker_order_id,
    m.client_id, trim_scale(e.maker_remaining),
    case when e.kind = 'CORRECTED' then e.trade_id::text else e.reason end,
    trim_scale(e.visible_quantity),
    trim_scale(e.prior_visible_quantity), trim_scale(e.maker_visible_quantity),
    trim_scale(e.maker_prior_visible_quantity), e.phase,
    case when isfinite(e.phase_end_at) then e.phase_end_at end
  from unnest(p_symbol_ids, p_seqs) as c (symbol_id, seq)
  join reference.symbols as s
    on s.symbol_id = c.symbol_id
  cross join lateral (
    select v.*
    from matching.events as v
    where v.segment_id = p_segment_id
      and v.symbol_id = c.symbol_id
      and v.seq > c.seq
    order by v.seq
    limit p_limit
  ) as e
  left join reference.participants as p
    on p.participant_id = e.participant_id
  left join reference.participants as m
    on m.participant_id = e.maker_id
  order by c.symbol_id, e.seq
$$;
comment on function api.events_after is 'the events behind given numbers, by symbol, in order';
revoke execute on function api.events_after from public;
grant execute on function api.events_after to pgsettle_app;
