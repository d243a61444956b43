import type { Queryable } from './market.ts'

/**
 * Trades that passed over an order [MA-1], from the event log alone: for each, the order that stood
 * open at its number, on the maker's side, at a better price, or at the same price and before the
 * maker; or that its maker did not stand at its price at all. For continuous trading.
 *
 * An order stands from the event that opened it to the one that ends it, takes the last of it, or
 * loses its place; an iceberg that is shown anew stands anew.
 */
export const passedOver = (db: Queryable) =>
  db.query<{ seq: string; maker_order_id: string; passed_id: string | null }>(`
    with changes as materialized (
      select
        symbol_id, order_id, seq, kind = 'OPENED' as stands, side, price
      from matching.events
      where kind in ('OPENED', 'CANCELLED', 'EXPIRED') or kind = 'AMENDED' and reason = 'LOST'
      union all
      select symbol_id, maker_order_id, seq, maker_remaining > 0, null, null
      from matching.events
      where kind in ('TRADE', 'PREVENTED')
        and (maker_remaining = 0 or maker_visible_quantity is not null
          and maker_prior_visible_quantity <= quantity and (kind = 'TRADE' or reason = 'DECREMENT'))
    ), filled as materialized (
      select
        c.*, lead(c.seq, 1, 9223372036854775807) over w as until,
        count(c.side) over (w rows unbounded preceding) as opening
      from changes as c
      window w as (partition by c.symbol_id, c.order_id order by c.seq)
    ), stands as materialized (
      select
        f.symbol_id, f.order_id, f.seq, f.until, o.side, case o.side when 'BUY' then -o.price
          else o.price end as sort_price
      from filled as f
      join filled as o
        on o.order_id = f.order_id and o.opening = f.opening and o.side is not null
      where f.stands
    ), trades as materialized (
      select
        t.symbol_id, t.seq, t.maker_order_id, m.side, m.seq as place,
        case m.side when 'BUY' then -t.price else t.price end as sort_price,
        m.sort_price as maker_price
      from matching.events as t
      left join stands as m
        on m.order_id = t.maker_order_id and m.seq < t.seq and m.until >= t.seq
      where t.kind = 'TRADE'
    )
    select t.seq, t.maker_order_id, s.order_id as passed_id
    from trades as t
    join stands as s
      on s.symbol_id = t.symbol_id and s.side = t.side and s.order_id <> t.maker_order_id
      and s.seq < t.seq and s.until > t.seq
      and (s.sort_price, s.seq) < (t.sort_price, t.place)
    union all
    select t.seq, t.maker_order_id, null
    from trades as t
    where t.maker_price is distinct from t.sort_price
    order by 1`)
