-- The lots of a participant as the outside sees them [MAT-097]: those that were closed from p_from
-- until before p_to, or (p_is_open) those that stand open; in the order of symbols and of the units
-- in them, behind a symbol and a unit, so many at most. What is open has no gain yet. Reads only.
create or replace function matching.lot_rows(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int,
  p_is_open boolean,
  p_from timestamptz,
  p_to timestamptz,
  p_after_symbol text,
  p_after_end numeric,
  p_limit int
) returns table (
  symbol text,
  side text,
  quantity numeric,
  opened_at timestamptz,
  closed_at timestamptz,
  bought_trade_id bigint,
  sold_trade_id bigint,
  cost numeric,
  proceeds numeric,
  gain numeric,
  fees numeric,
  net_gain numeric,
  lot_end numeric
)
language sql stable
as $$
  select
    s.symbol, l.side, trim_scale(l.quantity), l.opened_at, l.closed_at, l.bought_id, l.sold_id,
    trim_scale(l.cost), trim_scale(l.proceeds), trim_scale(l.proceeds - l.cost),
    trim_scale(l.fees), trim_scale(l.proceeds - l.cost - l.fees), l.lot_end
  from (
    select
      f.*,
      case
        when f.sold_id is null or (f.bought_at, f.bought_id) <= (f.sold_at, f.sold_id) then 'LONG'
        else 'SHORT'
      end as side,
      least(f.bought_at, f.sold_at) as opened_at,
      case when f.bought_id is not null and f.sold_id is not null
        then greatest(f.bought_at, f.sold_at) end as closed_at
    from matching.lots(p_segment_id, p_participant_id, p_symbol_id) as f
  ) as l
  join reference.symbols as s
    on s.symbol_id = l.symbol_id
  where (s.symbol, l.lot_end) > (p_after_symbol, p_after_end)
    and (l.closed_at is null) = p_is_open
    and (p_is_open or (l.closed_at >= p_from and l.closed_at < p_to))
  order by s.symbol, l.lot_end
  limit p_limit
$$;
comment on function matching.lot_rows is 'the lots of a participant as the outside sees them';
