import { buy, createMarket, execute, noon, sell, type TestCommand } from '../helpers/market.ts'
import { type Market, marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const stop = { type: 'STOP', price: null, time_in_force: 'IOC' }
const list = { list_no: 1 }

interface Which {
  client?: string
  symbol?: string
  side?: string
  group?: string
  from?: string
  to?: string
}

async function cancel({ db }: Market, which: Which): Promise<string[]> {
  const { client = null, symbol = null, side = null, group = null, from = null, to = null } = which
  const rows = await db.query<{ name: string }>(
    `select coalesce(o.client_order_id, o.order_id::text) as name
    from api.cancel_orders(1, $1, $2, $3, $4, $5, $6, $7) with ordinality as c (order_id, n)
    join matching.orders as o using (order_id) order by c.n`,
    [client, symbol, side, noon, group, from, to],
  )
  return rows.map(row => row.name)
}

/** Two of a group with orders of every kind, and one who is none of their business. */
const orders: TestCommand[] = [
  sell('carol', '1', '102', id('s102')),
  sell('carol', '1', '101', id('s101')),
  buy('carol', '1', '98', id('b98')),
  buy('carol', '1', '99', id('b99')),
  buy('carol', '1', '', id('stop', { ...stop, stop_price: '110' })),
  sell('carol', '1', '', id('trail', { ...stop, type: 'TRAILING_STOP', trailing_offset: '5' })),
  buy('carol', '1', '97', id('entry', { ...list, list_role: 'ENTRY' })),
  sell('carol', '1', '111', id('exit', { ...list, list_role: 'EXIT' })),
  sell('carol', '1', '', id('loss', { ...list, list_role: 'EXIT', ...stop, stop_price: '90' })),
  sell('bob', '1', '101', id('bobs')),
  buy('dave', '1', '96', id('daves')),
]
const plan = { groups: { carol: 'desk', dave: 'desk' } }

marketTest('[MAT-064] all of a participant, also who waits, in book order', plan, async (t, m) => {
  await m.run(orders)

  t.same(await cancel(m, { client: 'carol' }), [
    ...['b99', 'b98', 'entry', 's101', 's102'],
    ...['stop', 'trail', 'loss', 'exit'],
  ])

  t.same(await m.book(), ['SELL 101 1 bob', 'BUY 96 1 dave'])
  t.match(await m.balances('carol'), { USD: '100000000 0 0 0', BTC: '10000 0 0 0' })
  t.same(await m.db.query('select from matching.parked_orders'), [])
  t.same(await cancel(m, { client: 'carol' }), [], 'once')
})

marketTest('[MAT-064] of one side, of a range of limit prices', plan, async (t, m) => {
  await m.run(orders.slice(0, 4))

  t.same(await cancel(m, { client: 'carol', side: 'sell', from: '101.5' }), ['s102'])
  t.same(await cancel(m, { client: 'carol', from: '99', to: '101' }), ['b99', 's101'])
  t.same(await m.book(), ['BUY 98 1 carol'])
})

marketTest('[MAT-064] of a group, whole or one of it', plan, async (t, m) => {
  await m.run(orders)

  t.same(await cancel(m, { client: 'dave', group: 'desk' }), ['daves'])
  t.same(await cancel(m, { client: 'bob', group: 'desk' }), [], 'who is not of it')
  t.equal((await cancel(m, { group: 'desk' })).length, 9)
  t.same(await m.book(), ['SELL 101 1 bob'])
})

marketTest('[MAT-064] of all symbols or of one, in one transaction', plan, async (t, m) => {
  await createMarket(m.db, { symbols: { 'ETH-USD': {} } })
  await m.run([buy('carol', '1', '99', id('btc'))])
  await execute(m.db, 'ETH-USD', [buy('carol', '1', '9', id('eth'))])

  t.same(await cancel(m, { client: 'carol', symbol: 'ETH-USD' }), ['eth'])
  await execute(m.db, 'ETH-USD', [buy('carol', '1', '9', id('eth2'))])
  t.same(await cancel(m, { client: 'carol' }), ['btc', 'eth2'])
})
