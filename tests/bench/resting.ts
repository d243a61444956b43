import type pg from 'pg'
import { participants } from './market.ts'
import { middleTicks } from './orders.ts'

export interface BookShape {
  orders: number
  /** Of each side, a tick apart. */
  levels: number
  /** How many of the orders are at the levels nearest to the middle, and how many those are. */
  near: number
  nearLevels: number
}

/**
 * Orders for both sides of a book, in the order in which they came: those near the middle stand
 * scattered between all others, as in a book that has grown.
 */
export async function restingOrders(client: pg.Client, shape: BookShape): Promise<void> {
  await client.query('select setseed(0.5)')
  await client.query(
    `create unlogged table bench_resting as
     select
       n, n % 2 = 0 as is_buy, (1 + floor(random() * 9999)) / 10000.0::numeric as quantity,
       (case when random() < $2 then 1 + floor(random() * $3)
         else $3 + 1 + floor(random() * ($4 - $3)) end)::int as level_no,
       'bench-' || floor(random() * $5) as client_id
     from generate_series(1, $1) as n`,
    [shape.orders, shape.near / shape.orders, shape.nearLevels, shape.levels, participants],
  )
}

/**
 * Puts those of the nearest levels into an empty book, with their holds, as if each had been placed
 * by a batch of its own: set by set, because a million batches take longer than anybody waits.
 * Their events are left out. Returns how many they are.
 */
export async function fillBook(
  client: pg.Client,
  symbolId: number,
  levels: number,
): Promise<number> {
  const { rowCount } = await client.query(placeOrders, [symbolId, levels, middleTicks])
  await client.query(restInBook, [symbolId])
  await client.query(holdFunds, [symbolId])
  await client.query(
    `update matching.symbol_state
     set last_seq = $2, last_order_no = $2, last_at = now()
     where symbol_id = $1`,
    [symbolId, rowCount],
  )
  return rowCount ?? 0
}

const placeOrders = `
  insert into matching.orders (
    segment_id, order_id, created_at, symbol_id, participant_id, side, type, time_in_force, status,
    price, quantity, filled_quantity, remaining_quantity, cancelled_quantity, filled_notional,
    fee_amount, entry_seq, last_seq, updated_at
  )
  select
    1, $1::bigint * 1000000000000 + r.no, now(), $1, p.participant_id,
    (case when r.is_buy then 'BUY' else 'SELL' end)::matching.order_side_enum, 'LIMIT', 'GTC',
    'OPEN', ($3 + case when r.is_buy then -r.level_no else r.level_no end) / 100.0, r.quantity, 0,
    r.quantity, 0, 0, 0, r.no, r.no, now()
  from (
    select b.*, row_number() over (order by b.n) as no
    from bench_resting as b
    where b.level_no <= $2
  ) as r
  join reference.participants as p
    on p.client_id = r.client_id
  order by r.no`

const restInBook = `
  insert into matching.book (
    segment_id, symbol_id, side, sort_price, priority_no, order_id, participant_id, created_at,
    remaining_quantity, hold_amount, fee_exact, fee_amount
  )
  select
    o.segment_id, o.symbol_id, o.side, p.sort_price, o.entry_seq, o.order_id, o.participant_id,
    o.created_at, o.quantity, matching.hold_of(s, p.sort_price, o.quantity, 0, 0), 0, 0
  from matching.orders as o
  join reference.symbols as s
    on s.symbol_id = o.symbol_id
  cross join lateral (values (case o.side when 'BUY' then -o.price else o.price end))
    as p (sort_price)
  where o.symbol_id = $1
  order by o.entry_seq`

const holdFunds = `
  update ledger.accounts as a
  set held = a.held + h.amount
  from (
    select b.participant_id, b.side, sum(b.hold_amount) as amount
    from matching.book as b
    where b.symbol_id = $1
    group by 1, 2
  ) as h
  join reference.symbols as s
    on s.symbol_id = $1
  where a.segment_id = s.segment_id
    and a.participant_id = h.participant_id
    and a.asset_id = case h.side when 'BUY' then s.quote_asset_id else s.base_asset_id end`
