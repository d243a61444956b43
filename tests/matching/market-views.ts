import type { Queryable } from '../helpers/market.ts'

/** The book, asks from the best up, then bids from the best down: `SELL 101 2 of 10 alice`. */
export async function drawnBook(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ line: string }>(`
    select concat_ws(' ', b.side, trim_scale(abs(b.sort_price)),
      coalesce(trim_scale(b.visible_quantity) || ' of', null), trim_scale(b.remaining_quantity),
      p.client_id) as line
    from matching.book as b
    join reference.participants as p using (participant_id)
    order by b.side desc, b.sort_price, b.priority_no`)
  return rows.map(row => row.line)
}

/** Events in words: `TRADE id 2 at 100 maker`, other kinds: `OPENED id 2 at 100 why`. */
export async function toldEvents(db: Queryable, from = '0'): Promise<string[]> {
  const rows = await db.query<{ line: string }>(
    `select concat_ws(' ', e.kind, coalesce(o.client_order_id, o.order_id::text),
      trim_scale(case when e.kind in ('TRADE', 'PREVENTED') then e.quantity else e.remaining end),
      'at ' || coalesce(trim_scale(e.price)::text, 'market'),
      m.client_order_id, e.reason) as line
    from matching.events as e
    left join matching.orders as o on o.order_id = e.order_id
    left join matching.orders as m on m.order_id = e.maker_order_id
    where e.seq > $1 order by e.seq`,
    [from],
  )
  return rows.map(row => row.line)
}

const tables = {
  orders: 'matching.orders',
  book: 'matching.book',
  parked: 'matching.parked_orders',
  stops: 'matching.stop_orders_watchlist',
  lists: 'matching.order_lists',
  prevented: 'matching.prevented_matches',
  trades: 'matching.trades',
  events: 'matching.events',
  state: 'matching.symbol_state',
  instructions: 'settlement.pending_instructions',
  accounts: 'ledger.accounts',
}

/** Where the end of a batch shows: looked at by price, and how often an account was changed. */
const ofBatches = '{fires_above,fires_below,changes,version_no}'

/** All that a market wrote, table by table, but for that. */
export async function dumpMarket(db: Queryable): Promise<Record<string, unknown[]>> {
  const dump: Record<string, unknown[]> = {}
  for (const [name, table] of Object.entries(tables)) {
    const text = `select (to_jsonb(r) - '${ofBatches}'::text[])::text as line
      from ${table} as r`
    const rows = await db.query<{ line: string }>(text)
    dump[name] = rows
      .map(row => row.line.replaceAll(/(\.\d*[1-9])0+(?=[,}])|\.0+(?=[,}])/g, '$1'))
      .sort()
  }
  return dump
}

/**
 * One figure of the book, the last price, what fires stop orders, everybody's orders and trades;
 * without the orders of one trader.
 */
export async function hashMarket(db: Queryable, but: string): Promise<string> {
  const whose = `(select participant_id from reference.participants where client_id = '${but}')`
  const others = `participant_id is distinct from ${whose}`
  const [row] = await db.query<{ hash: string }>(`
    select md5(concat_ws('|',
      (select jsonb_agg(to_jsonb(b) order by b.order_id) from matching.book as b),
      (select jsonb_agg(to_jsonb(k) order by k.order_id) from matching.parked_orders as k),
      (select jsonb_agg(to_jsonb(w) order by w.order_id) from matching.stop_orders_watchlist as w),
      (select jsonb_agg(to_jsonb(o) order by o.order_id) from matching.orders as o
        where o.${others}),
      (select jsonb_agg(to_jsonb(t) order by t.trade_id) from matching.trades as t),
      (select jsonb_agg(to_jsonb(m) order by m.seq) from matching.prevented_matches as m),
      (select jsonb_agg(to_jsonb(a) order by a.participant_id, a.asset_id)
        from ledger.accounts as a),
      (select jsonb_agg(concat_ws(' ', s.last_price, s.fires_above, s.fires_below, s.phase))
        from matching.symbol_state as s)
    )) as hash`)
  return row?.hash ?? ''
}
