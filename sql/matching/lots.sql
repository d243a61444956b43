-- What a participant bought against what it sold, first in, first out [MAT-097]: the first unit of
-- a symbol that it bought is that which it sold first, whichever came before. So what is closed is
-- a lot: a piece of one fill that opened it and of a later one that closed it; what is left stands
-- open, without a closing fill. LONG was bought first, SHORT was sold first (of what came by
-- deposit). A fee is divided by quantity, each piece the difference of two rounded sums, so that
-- the pieces of a fill are its fee.
-- Takes the participant and one symbol or (null) all. Amounts are in quote, quantities in base.
-- Reads only.
create or replace function matching.lots(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int
) returns table (
  symbol_id int,
  lot_end numeric,
  quantity numeric,
  bought_id bigint,
  bought_at timestamptz,
  cost numeric,
  sold_id bigint,
  sold_at timestamptz,
  proceeds numeric,
  fees numeric
)
language sql stable
as $$
  with fills as materialized (
    select f.* from matching.participant_fills(p_segment_id, p_participant_id, p_symbol_id) as f
  ), ends as (
    -- A piece ends where a fill of either side does; its own fills are the next to end, and so the
    -- least so far when read from the last on.
    select
      e.symbol_id, e.lot_end,
      lead(e.lot_end, 1, 0) over w as lot_begin,
      min(e.bought_end) over w as bought_end,
      min(e.sold_end) over w as sold_end
    from (
      select
        f.symbol_id, f.before + f.quantity as lot_end,
        min(f.before + f.quantity) filter (where f.is_buy) as bought_end,
        min(f.before + f.quantity) filter (where not f.is_buy) as sold_end
      from fills as f
      group by f.symbol_id, f.before + f.quantity
    ) as e
    window w as (partition by e.symbol_id order by e.lot_end desc)
  )
  select
    e.symbol_id, e.lot_end, e.lot_end - e.lot_begin, b.trade_id, b.traded_at,
    (e.lot_end - e.lot_begin) * b.price, s.trade_id, s.traded_at,
    (e.lot_end - e.lot_begin) * s.price,
    matching.fee_part(b.fee, b.quantity, e.lot_begin - b.before, e.lot_end - b.before)
      + matching.fee_part(s.fee, s.quantity, e.lot_begin - s.before, e.lot_end - s.before)
  from ends as e
  left join fills as b
    on b.symbol_id = e.symbol_id
    and b.is_buy
    and b.before + b.quantity = e.bought_end
  left join fills as s
    on s.symbol_id = e.symbol_id
    and not s.is_buy
    and s.before + s.quantity = e.sold_end
$$;
comment on function matching.lots is 'what a participant bought against what it sold, FIFO';
