import { noon, type Queryable } from '../helpers/market.ts'

/** An order to put into the book. */
export interface Rest {
  trader: string
  side: 'BUY' | 'SELL'
  quantity: string
  price: string
  rule?: 'OPG' | 'CLS' | 'GFA' | 'GTX' | 'DAY'
  expire_at?: string
}

export const bid = (trader: string, quantity: string, price: string, more = {}): Rest => ({
  trader,
  side: 'BUY',
  quantity,
  price,
  ...more,
})
export const ask = (trader: string, quantity: string, price: string, more = {}): Rest => ({
  ...bid(trader, quantity, price, more),
  side: 'SELL',
})

/** Puts orders into the book as they are, crossed or not, each behind the one before. */
export async function rest(
  db: Queryable,
  symbol: string,
  orders: Rest[],
  now: string = noon,
): Promise<string[]> {
  const ids: string[] = []
  for (const { trader, side, quantity, price, rule, expire_at } of orders) {
    const values = [symbol, trader, side, quantity, price, rule, expire_at, now]
    const [row] = await db.query<{ order_id: string }>(text, values)
    ids.push(row?.order_id ?? '')
  }
  return ids
}

const text = `
  with given as (
    select
      s.segment_id, s.symbol_id, p.participant_id, $3::matching.order_side_enum as side,
      $4::numeric as quantity, $8::timestamptz as at,
      case when $3 = 'BUY' then -$5::numeric else $5::numeric end as sort_price,
      case when $3 = 'BUY' then s.quote_asset_id else s.base_asset_id end as asset_id,
      matching.hold_of(
        s, case when $3 = 'BUY' then -$5::numeric else $5::numeric end, $4::numeric, 0, 0
      ) as hold
    from reference.symbols as s
    join reference.participants as p on p.client_id = $2
    where s.symbol = $1
  ), numbered as (
    update matching.symbol_state as t
    set last_seq = t.last_seq + 1, last_order_no = t.last_order_no + 1, last_at = g.at,
      next_due_at = least(t.next_due_at, $7::timestamptz)
    from given as g
    where t.symbol_id = g.symbol_id
    returning t.last_seq, t.symbol_id * 1000000000000 + t.last_order_no as order_id
  ), held as (
    update ledger.accounts as a
    set held = a.held + g.hold
    from given as g
    where a.participant_id = g.participant_id and a.asset_id = g.asset_id
  ), placed as (
    insert into matching.orders (
      segment_id, order_id, created_at, symbol_id, participant_id, side, type, time_in_force,
      status, price, quantity, filled_quantity, remaining_quantity, cancelled_quantity,
      filled_notional, fee_amount, entry_seq, last_seq, updated_at, expire_at
    )
    select
      g.segment_id, n.order_id, g.at, g.symbol_id, g.participant_id, g.side,
      'LIMIT',
      coalesce($6, 'GTC')::matching.time_in_force_enum, 'OPEN', $5::numeric, g.quantity, 0,
      g.quantity, 0, 0, 0, n.last_seq, n.last_seq, g.at, $7::timestamptz
    from given as g, numbered as n
  ), rested as (
    insert into matching.book (
      segment_id, symbol_id, side, sort_price, priority_no, order_id, participant_id, created_at,
      remaining_quantity, hold_amount, fee_exact, fee_amount, session_rule, expire_at
    )
    select
      g.segment_id, g.symbol_id, g.side, g.sort_price, n.last_seq, n.order_id, g.participant_id,
      g.at, g.quantity, g.hold, 0, 0, $6::matching.time_in_force_enum, $7::timestamptz
    from given as g, numbered as n
  ), told as (
    insert into matching.events (
      segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
      remaining
    )
    select
      g.segment_id, g.symbol_id, n.last_seq, g.at, 'OPENED', n.order_id, g.participant_id, g.side,
      $5::numeric, g.quantity, g.quantity
    from given as g, numbered as n
  )
  select n.order_id::text from numbered as n`
